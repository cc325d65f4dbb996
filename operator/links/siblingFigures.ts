import type { Load, Sibling } from '../../contract/generated/types.ts';
import type { Clock } from '../kube/clock.ts';
import type { PodFacts } from './report.ts';
import type { AgentKey, PodTarget } from './target.ts';

/** A pod with a link. */
export interface LinkedPod {
  target: PodTarget;
  /** Its last report; undefined before the first one. */
  load: Load | undefined;
  tell: (siblings: readonly Sibling[]) => void;
}

export interface SiblingFiguresOptions {
  clock: Pick<Clock, 'after'>;
  podsOf: (agentKey: AgentKey) => readonly LinkedPod[];
  /** Upper bound of a pod's capacity, whatever it reports; 0 if pods do not forward requests. */
  placesOf: (agentKey: AgentKey) => number;
}

/** Least time between two messages to an agent's pods. */
const EVERY_MS = 250;
/** Greatest number of siblings in a message, as in the contract. */
const MAX_SIBLINGS = 32;

/**
 * Sends pods the room of their siblings. Only pods that are half full, or that have got such figures before, get messages. So
 * pods with little load cost nothing.
 */
export class SiblingFigures {
  readonly #options: SiblingFiguresOptions;
  /** Agents with recent messages, and whether something has changed since. */
  readonly #recent = new Map<AgentKey, { changed: boolean }>();
  /** The last message to each pod, as JSON, by UID. */
  readonly #told = new Map<string, string>();

  constructor(options: SiblingFiguresOptions) {
    this.#options = options;
  }

  /**
   * Must be called after each change of a pod of the agent.
   *
   * @param uid of a pod whose link opened or closed, and which therefore knows no siblings
   */
  changed(agentKey: AgentKey, uid?: string): void {
    if (uid !== undefined) this.#told.delete(uid);
    const recent = this.#recent.get(agentKey);
    if (recent) recent.changed = true;
    else if (this.#tellAll(agentKey)) this.#rest(agentKey);
  }

  reported(agentKey: AgentKey, report: PodFacts): void {
    if ('load' in report) this.changed(agentKey);
  }

  #rest(agentKey: AgentKey): void {
    this.#recent.set(agentKey, { changed: false });
    this.#options.clock.after(EVERY_MS, () => {
      const again = this.#recent.get(agentKey)?.changed === true;
      this.#recent.delete(agentKey);
      if (again) this.changed(agentKey);
    });
  }

  /** @returns whether a message was sent */
  #tellAll(agentKey: AgentKey): boolean {
    const pods = this.#options.podsOf(agentKey);
    const places = this.#options.placesOf(agentKey);
    const forwards = places > 0;
    let told = false;
    for (const pod of pods) {
      const { uid } = pod.target;
      const before = this.#told.get(uid);
      if (before === undefined && !(forwards && isHalfFull(pod.load))) continue;
      const siblings = forwards ? siblingsOf(pod, pods, places) : [];
      const text = JSON.stringify(siblings);
      if (text === before) continue;
      if (siblings.length > 0) this.#told.set(uid, text);
      else this.#told.delete(uid);
      if (siblings.length === 0 && before === undefined) continue;
      pod.tell(siblings);
      told = true;
    }
    return told;
  }
}

function isHalfFull(load: Load | undefined): boolean {
  return load !== undefined && (load.queued > 0 || load.inFlight * 2 >= load.capacity);
}

/** The other pods that accept requests, the one with most room first. */
function siblingsOf(pod: LinkedPod, pods: readonly LinkedPod[], places: number): Sibling[] {
  return pods
    .filter((other) => other !== pod)
    .flatMap((other) => siblingOf(other, places) ?? [])
    .sort((a, b) => roomOf(b) - roomOf(a) || (a.pod < b.pod ? -1 : 1))
    .slice(0, MAX_SIBLINGS);
}

/** Undefined if the pod shuts down, is not ready or has not reported. */
function siblingOf({ target, load }: LinkedPod, places: number): Sibling | undefined {
  const { name, ip, ready, killedAt } = target;
  if (ip === undefined || ready !== true || killedAt !== undefined) return undefined;
  if (load?.accepts !== true) return undefined;
  const { inFlight, queued } = load;
  const capacity = Math.min(load.capacity, places);
  return { pod: name, address: ip, inFlight, queued, capacity };
}

const roomOf = ({ inFlight, queued, capacity }: Sibling): number => capacity - inFlight - queued;
