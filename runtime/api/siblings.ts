import type { Sibling } from '../../contract/generated/types.ts';

/** A sibling, with this pod's open requests there. */
export interface KnownSibling extends Sibling {
  /** Forwarded requests that the sibling has not answered yet. */
  forwarded: number;
}

export interface SiblingsDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** A number from 0 up to but not 1. */
  random: () => number;
  /** The figures are current while a link to it is open. */
  leader: { readonly isOpen: boolean };
}

/** Time for which an unreachable sibling gets no requests, in milliseconds. */
const DOUBT_MS = 2000;

interface Entry {
  told: Sibling;
  /** Forwarded requests that the sibling has not answered yet. */
  forwarded: number;
  /** Requests forwarded since the sibling's figures arrived, which do not include them. */
  since: { count: number };
  doubtedUntil: number;
}

/** The other pods of the agent that take forwarded requests, with their load as the operator reports it. */
export class Siblings {
  readonly #deps: SiblingsDeps;
  #known = new Map<string, Entry>();

  constructor(deps: SiblingsDeps) {
    this.#deps = deps;
  }

  /** Replaces all siblings. */
  apply(pods: readonly Sibling[]): void {
    this.#known = new Map(pods.map((told) => [told.address, this.#entry(told)]));
  }

  /** The siblings; none without a link, because other pods may have taken over their addresses. */
  list(): KnownSibling[] {
    return this.#entries().map(({ told, forwarded }) => ({ ...told, forwarded }));
  }

  /** Chooses a sibling at random, in proportion to its room; undefined if none has room. */
  choose(): Sibling | undefined {
    const now = this.#deps.now();
    const open = this.#entries()
      .filter(({ doubtedUntil }) => doubtedUntil <= now)
      .map((entry) => ({ entry, room: roomOf(entry) }))
      .filter(({ room }) => room > 0);
    let left = this.#deps.random() * open.reduce((sum, { room }) => sum + room, 0);
    return open.find(({ room }) => (left -= room) < 0)?.entry.told;
  }

  /** Counts a forwarded request until the returned function is called. */
  enter({ address }: Sibling): () => void {
    const entry = this.#known.get(address);
    if (!entry) return () => undefined;
    const { since } = entry;
    entry.forwarded += 1;
    since.count += 1;
    return () => {
      since.count -= 1;
      const present = this.#known.get(address);
      if (present) present.forwarded = Math.max(0, present.forwarded - 1);
    };
  }

  /** Sends the sibling no requests for DOUBT_MS. */
  doubt({ address }: Sibling): void {
    const entry = this.#known.get(address);
    if (entry) entry.doubtedUntil = this.#deps.now() + DOUBT_MS;
  }

  #entries(): Entry[] {
    return this.#deps.leader.isOpen ? [...this.#known.values()] : [];
  }

  #entry(told: Sibling): Entry {
    const before = this.#known.get(told.address);
    if (!before) return { told, forwarded: 0, since: { count: 0 }, doubtedUntil: -Infinity };
    const { inFlight, queued } = before.told;
    const same = told.inFlight === inFlight && told.queued === queued;
    return { ...before, told, since: same ? before.since : { count: 0 } };
  }
}

function roomOf({ told: { inFlight, queued, capacity }, since }: Entry): number {
  return capacity - inFlight - queued - since.count;
}
