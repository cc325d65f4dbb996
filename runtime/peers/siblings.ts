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

/** A sibling that serves one request. */
export interface Loan {
  sibling: Sibling;
  /** The sibling cannot be reached: it gets no requests for AVOID_MS. */
  avoid(): void;
  /** The request has ended. */
  end(): void;
}

/** Time for which an unreachable sibling gets no requests, in milliseconds. */
const AVOID_MS = 2000;

interface Entry {
  reported: Sibling;
  /** Forwarded requests that the sibling has not answered yet. */
  forwarded: number;
  /** Those of them that the sibling's figures do not include: they were forwarded since the figures arrived. */
  since: { count: number };
  avoidedUntil: number;
}

/** The other pods of the agent that take forwarded requests, with their load as the leader reports it. */
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

  /** Chooses a sibling at random, in proportion to its room, and counts a request there; undefined if none has room. */
  choose(): Loan | undefined {
    const now = this.#deps.now();
    const open = this.#entries().filter((each) => each.avoidedUntil <= now && roomOf(each) > 0);
    let left = this.#deps.random() * open.reduce((sum, each) => sum + roomOf(each), 0);
    const entry = open.find((each) => (left -= roomOf(each)) < 0);
    return entry && this.#lend(entry);
  }

  #lend(entry: Entry): Loan {
    const { since } = entry;
    entry.forwarded += 1;
    since.count += 1;
    return {
      sibling: entry.reported,
      avoid: () => {
        entry.avoidedUntil = this.#deps.now() + AVOID_MS;
      },
      end: () => {
        entry.forwarded -= 1;
        since.count -= 1;
      },
    };
  }

  #entries(): Entry[] {
    return this.#deps.leader.isOpen ? [...this.#known.values()] : [];
  }

  #entry(reported: Sibling): Entry {
    const entry = this.#known.get(reported.address);
    if (!entry) return { reported, forwarded: 0, since: { count: 0 }, avoidedUntil: -Infinity };
    const { inFlight, queued } = entry.reported;
    if (reported.inFlight !== inFlight || reported.queued !== queued) entry.since = { count: 0 };
    entry.reported = reported;
    return entry;
  }
}

function roomOf({ reported: { inFlight, queued, capacity }, since }: Entry): number {
  return capacity - inFlight - queued - since.count;
}
