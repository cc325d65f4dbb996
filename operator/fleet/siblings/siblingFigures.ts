import type { Content, Load, Sibling } from '../../../contract/generated/types.ts';
import type {
  FleetContext,
  FleetPod,
  FleetPods,
  FleetService,
  PodChange,
} from '../fleetService.ts';

/** Least time between two messages to an agent's pods. */
const EVERY_MS = 250;
/** Greatest number of siblings in a message, as in the contract. */
const MAX_SIBLINGS = 32;

/** Upper bound of a pod's capacity, whatever it reports; 0 if pods do not forward requests. */
export function placesOf({ whenFull, bulkhead }: Content): number {
  return whenFull === 'Forward' ? (bulkhead?.maxConcurrent ?? 0) : 0;
}

/**
 * Sends pods the room of their siblings. Only pods that are half full, or that have got such figures before, get messages. So
 * pods with little load cost nothing.
 */
export class SiblingFigures implements FleetService {
  readonly #context: FleetContext;
  /** The last message to each linked pod, as JSON, by UID. */
  readonly #sent = new Map<string, string>();
  #pods: FleetPods = () => [];
  #places = 0;
  #changed = false;
  /** When the next messages may be sent. */
  #nextAt = -Infinity;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  configure(content: Content): void {
    this.#places = placesOf(content);
    this.#changed = true;
  }

  pods(pods: FleetPods, change: PodChange): void {
    this.#pods = pods;
    this.#changed = true;
    if (change === 'Counters' || this.#sent.size === 0) return;
    // A pod with a new link knows no siblings.
    const linked = new Set(linkedOf(pods()).map(({ report }) => report.uid));
    for (const uid of this.#sent.keys()) if (!linked.has(uid)) this.#sent.delete(uid);
  }

  tick(): number {
    const now = this.#context.clock.monotonic();
    if (!this.#changed) return Infinity;
    if (now < this.#nextAt) return this.#nextAt;
    this.#changed = false;
    if (this.#sendAll(this.#places)) this.#nextAt = now + EVERY_MS;
    return Infinity;
  }

  end(why: 'Unused' | 'Deposed'): void {
    if (why === 'Unused') this.#sendAll(0);
  }

  /** @returns whether a message was sent */
  #sendAll(places: number): boolean {
    const pods = linkedOf(this.#pods());
    const due = pods.filter(
      ({ report: { uid, snapshot } }) =>
        this.#sent.has(uid) || (places > 0 && isHalfFull(snapshot?.load)),
    );
    return due
      .map((pod) => this.#send(pod, places > 0 ? siblingsOf(pod, pods, places) : []))
      .includes(true);
  }

  /** @returns whether a message was sent */
  #send({ report: { uid } }: FleetPod, siblings: Sibling[]): boolean {
    const before = this.#sent.get(uid);
    const text = JSON.stringify(siblings);
    if (text === (before ?? '[]')) return false;
    if (siblings.length > 0) this.#sent.set(uid, text);
    else this.#sent.delete(uid);
    this.#context.send(uid, { type: 'Siblings', pods: siblings });
    return true;
  }
}

const linkedOf = (pods: readonly FleetPod[]): FleetPod[] =>
  pods.filter(({ report }) => report.connected);

function isHalfFull(load: Load | undefined): boolean {
  return load !== undefined && (load.queued > 0 || load.inFlight * 2 >= load.capacity);
}

/** The other pods that accept requests, the one with most room first. */
function siblingsOf(pod: FleetPod, pods: readonly FleetPod[], places: number): Sibling[] {
  return pods
    .filter((other) => other !== pod)
    .flatMap((other) => siblingOf(other, places) ?? [])
    .sort((a, b) => roomOf(b) - roomOf(a) || (a.pod < b.pod ? -1 : 1))
    .slice(0, MAX_SIBLINGS);
}

/** Undefined if the pod shuts down, is not ready or has not reported. */
function siblingOf({ target, report }: FleetPod, places: number): Sibling | undefined {
  const { name, ip, ready, killedAt } = target;
  const load = report.snapshot?.load;
  if (ip === undefined || ready !== true || killedAt !== undefined) return undefined;
  if (load?.accepts !== true) return undefined;
  const { inFlight, queued } = load;
  const capacity = Math.min(load.capacity, places);
  return { pod: name, address: ip, inFlight, queued, capacity };
}

const roomOf = ({ inFlight, queued, capacity }: Sibling): number => capacity - inFlight - queued;
