import type { Contest } from '../status/observations.ts';
import { isNewer } from './resourceVersion.ts';

/** How the operator answers another writer that changes or deletes its objects, or their status, again and again. */
export const CONTESTS = {
  /** So many times the operator puts an object back at once. Then the object is contested. */
  promptRepairs: 5,
  /** Least time between two repairs of a contested object. It doubles with each repair. */
  firstDelayMs: 1_000,
  maxDelayMs: 60_000,
  /** The contest ends when the object has stayed as it is for this time after a repair was allowed. */
  calmMs: 60_000,
} as const;

/** Who changed which fields of a written object. Without fields, somebody deleted it. */
export type Undone = Pick<Contest, 'writers' | 'fields'>;

interface Write {
  /** Hash of what was written. */
  stamp: string;
  version: string | undefined;
  /** When it was written, in monotonic milliseconds. */
  at: number;
  repairs: Repairs | undefined;
}

/** Writes that put back what another writer had undone. */
interface Repairs {
  count: number;
  /** When the object may be put back again, in monotonic milliseconds. */
  dueAt: number;
  last: Undone;
}

/** An object before it is written. */
export interface Found {
  /** Hash of what was applied last; absent if the object has none. */
  stamp: string | undefined;
  version: string | undefined;
}

/**
 * Recognises objects that another writer changes or deletes after each write of the operator. Without a delay, the two
 * writers would go on at full speed. Only the writes of the last minutes are remembered.
 */
export class Contests {
  readonly #now: () => number;
  /** The last write of each object, oldest first. */
  readonly #writes = new Map<string, Write>();

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Whether another writer undid the last write. A cache that does not show this write yet is no sign of that.
   *
   * @param found undefined if there is no such object
   * @param stamp of what is to be written; absent if an object that differs never has it
   */
  isUndone(key: string, found: Found | undefined, stamp?: string): boolean {
    const last = this.#recent(key);
    if (found === undefined) return last !== undefined;
    if (isNewer(last?.version, found.version)) return false;
    const isStamped = stamp !== undefined && found.stamp === stamp;
    return isStamped || (last !== undefined && found.stamp !== last.stamp);
  }

  /** Milliseconds until the object may be put back. */
  waitMs(key: string): number {
    return Math.max(0, (this.#repairs(key)?.dueAt ?? 0) - this.#now());
  }

  /** Whether the object is contested after one more repair. */
  isFrequent(key: string): boolean {
    return (this.#repairs(key)?.count ?? 0) + 1 >= CONTESTS.promptRepairs;
  }

  /** @param undone if the write put something back */
  wrote(
    key: string,
    { stamp, version }: Pick<Write, 'stamp' | 'version'>,
    undone: Undone | undefined,
  ): void {
    const before = this.#repairs(key);
    const repairs = undone ? this.#oneMore(before, undone) : before;
    this.#writes.delete(key);
    this.#forgetOld();
    this.#writes.set(key, { stamp, version, at: this.#now(), repairs });
  }

  #oneMore(before: Repairs | undefined, last: Undone): Repairs {
    const count = (before?.count ?? 0) + 1;
    return { count, dueAt: this.#now() + delayAfter(count), last };
  }

  /** Who contests the object, and when to look again; undefined while it is not contested. */
  of(key: string): (Undone & { lookAgainMs: number }) | undefined {
    const repairs = this.#repairs(key);
    if (!repairs || repairs.count < CONTESTS.promptRepairs) return undefined;
    const waitMs = repairs.dueAt - this.#now();
    return { ...repairs.last, lookAgainMs: waitMs > 0 ? waitMs : waitMs + CONTESTS.calmMs + 1 };
  }

  /** Undefined when the object has stayed as it is for long enough, whatever else was written meanwhile. */
  #repairs(key: string): Repairs | undefined {
    const repairs = this.#writes.get(key)?.repairs;
    return repairs && this.#now() <= repairs.dueAt + CONTESTS.calmMs ? repairs : undefined;
  }

  #recent(key: string): Write | undefined {
    const write = this.#writes.get(key);
    return write && !this.#isOld(write) ? write : undefined;
  }

  #isOld({ at, repairs }: Write): boolean {
    return this.#now() > Math.max(at, repairs?.dueAt ?? at) + CONTESTS.calmMs;
  }

  #forgetOld(): void {
    for (const [key, write] of this.#writes) {
      if (!this.#isOld(write)) return;
      this.#writes.delete(key);
    }
  }
}

function delayAfter(repairs: number): number {
  const contested = repairs - CONTESTS.promptRepairs;
  return contested < 0 ? 0 : Math.min(CONTESTS.maxDelayMs, CONTESTS.firstDelayMs * 2 ** contested);
}
