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
const AVOID_MS = 2000;

interface Entry {
  reported: Sibling;
  /** Forwarded requests that the sibling has not answered yet. */
  forwarded: number;
  /** Requests forwarded since the sibling's figures arrived, which do not include them. */
  since: { count: number };
  avoidedUntil: number;
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
    this.#known = new Map(pods.map((reported) => [reported.address, this.#entry(reported)]));
  }

  /** The siblings; none without a link, because other pods may have taken over their addresses. */
  list(): KnownSibling[] {
    return this.#entries().map(({ reported, forwarded }) => ({ ...reported, forwarded }));
  }

  /** Chooses a sibling at random, in proportion to its room; undefined if none has room. */
  choose(): Sibling | undefined {
    const now = this.#deps.now();
    const open = this.#entries()
      .filter(({ avoidedUntil }) => avoidedUntil <= now)
      .map((entry) => ({ entry, room: roomOf(entry) }))
      .filter(({ room }) => room > 0);
    let left = this.#deps.random() * open.reduce((sum, { room }) => sum + room, 0);
    return open.find(({ room }) => (left -= room) < 0)?.entry.reported;
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

  /** Sends the sibling no requests for AVOID_MS. */
  avoid({ address }: Sibling): void {
    const entry = this.#known.get(address);
    if (entry) entry.avoidedUntil = this.#deps.now() + AVOID_MS;
  }

  #entries(): Entry[] {
    return this.#deps.leader.isOpen ? [...this.#known.values()] : [];
  }

  #entry(reported: Sibling): Entry {
    const before = this.#known.get(reported.address);
    if (!before) return { reported, forwarded: 0, since: { count: 0 }, avoidedUntil: -Infinity };
    const { inFlight, queued } = before.reported;
    const same = reported.inFlight === inFlight && reported.queued === queued;
    return { ...before, reported, since: same ? before.since : { count: 0 } };
  }
}

function roomOf({ reported: { inFlight, queued, capacity }, since }: Entry): number {
  return capacity - inFlight - queued - since.count;
}
