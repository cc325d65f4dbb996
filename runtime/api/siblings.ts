import type { Sibling } from '../../contract/generated/types.ts';

/** A sibling, with what this pod has under way there. */
export interface KnownSibling extends Sibling {
  /** Requests that this pod has forwarded to it and that are not answered yet. */
  forwarded: number;
}

export interface SiblingsDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** A number from 0 up to but not 1. */
  random: () => number;
}

/** Time for which a sibling that could not be reached is left alone, in milliseconds. */
const DOUBT_MS = 2000;

/** What this pod knows of one sibling. */
interface Entry {
  told: Sibling;
  /** Requests under way there. */
  forwarded: number;
  /** Requests forwarded since the figures came, which therefore do not show them. */
  since: { count: number };
  doubtedUntil: number;
}

/** The other pods of the agent that take forwarded requests, by what the operator says of their load. */
export class Siblings {
  /** Whether the operator is there to correct what it has said. */
  isCurrent: () => boolean = () => false;
  readonly #deps: SiblingsDeps;
  #known = new Map<string, Entry>();

  constructor(deps: SiblingsDeps) {
    this.#deps = deps;
  }

  /** Replaces all that was known. */
  apply(pods: readonly Sibling[]): void {
    this.#known = new Map(pods.map((told) => [told.address, this.#entry(told)]));
  }

  /** None without a link, because their addresses may be those of other pods by now. */
  list(): KnownSibling[] {
    return this.#entries().map(({ told, forwarded }) => ({ ...told, forwarded }));
  }

  /** A sibling with room, by chance in proportion to its room; undefined without one. */
  choose(): Sibling | undefined {
    const now = this.#deps.now();
    const open = this.#entries()
      .filter(({ doubtedUntil }) => doubtedUntil <= now)
      .map((entry) => ({ entry, room: roomOf(entry) }))
      .filter(({ room }) => room > 0);
    let left = this.#deps.random() * open.reduce((sum, { room }) => sum + room, 0);
    return open.find(({ room }) => (left -= room) < 0)?.entry.told;
  }

  /** Counts a request that is forwarded; the answer counts it out. */
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

  /** Leaves it alone for a while. */
  doubt({ address }: Sibling): void {
    const entry = this.#known.get(address);
    if (entry) entry.doubtedUntil = this.#deps.now() + DOUBT_MS;
  }

  #entries(): Entry[] {
    return this.isCurrent() ? [...this.#known.values()] : [];
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
