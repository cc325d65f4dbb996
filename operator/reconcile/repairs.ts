import { backoff } from '../kube/backoff.ts';
import { isNewer } from './resourceVersion.ts';

/** How the operator answers another writer that changes or deletes its objects, or their status, again and again. */
export const REPAIRS = {
  /** So many times the operator puts an object back at once. Then the object is contested. */
  prompt: 5,
  /** Least time between two repairs of a contested object. It doubles with each repair. */
  delay: { baseMs: 1_000, maxMs: 60_000 },
  /** The contest ends when the object has stayed as it is for this time after a repair was allowed. */
  calmMs: 60_000,
} as const;

/** A contested object. */
export interface Contested {
  /** Fields that the last repair put back, such as .spec.replicas; empty if it made the object again. */
  fields: readonly string[];
  /** Milliseconds until the object may be put back, or until the contest may have ended. */
  lookAgainMs: number;
}

interface Write {
  /** Hash of what was written. */
  stamp: string;
  version: string | undefined;
  /** When it was written, in monotonic milliseconds. */
  at: number;
  repairs: Repaired | undefined;
}

/** Writes that put back what another writer had changed. */
interface Repaired {
  count: number;
  /** When the object may be put back again, in monotonic milliseconds. */
  dueAt: number;
  /** What the last one put back. */
  fields: readonly string[];
}

/** An object before it is written. */
export interface Found {
  /** Hash of what was applied last; absent if the object has none. */
  stamp: string | undefined;
  version: string | undefined;
}

/**
 * Backs off from repairs of objects that another writer changes or deletes after each write of the operator. Without a
 * delay, the two writers would go on at full speed. Only the writes of the last minutes are remembered.
 */
export class Repairs {
  readonly #now: () => number;
  /** The last write of each object, oldest first. */
  readonly #writes = new Map<string, Write>();

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Whether a write would be a repair: another writer has changed what was written last. A cache that does not show the
   * last write yet is no sign of that.
   *
   * @param found undefined if there is no such object
   * @param stamp of what is to be written; absent if an object that differs never has it
   */
  isRepair(key: string, found: Found | undefined, stamp?: string): boolean {
    const last = this.#recent(key);
    if (found === undefined) return last !== undefined;
    if (isNewer(last?.version, found.version)) return false;
    const isStamped = stamp !== undefined && found.stamp === stamp;
    return isStamped || (last !== undefined && found.stamp !== last.stamp);
  }

  /** Milliseconds until the object may be put back. */
  waitMs(key: string): number {
    return Math.max(0, (this.#repaired(key)?.dueAt ?? 0) - this.#now());
  }

  /** @param fields what the write put back; undefined if it was no repair */
  wrote(
    key: string,
    { stamp, version }: Pick<Write, 'stamp' | 'version'>,
    fields: readonly string[] | undefined,
  ): void {
    const before = this.#repaired(key);
    const repairs = fields ? this.#oneMore(before, fields) : before;
    this.#writes.delete(key);
    this.#forgetOld();
    this.#writes.set(key, { stamp, version, at: this.#now(), repairs });
  }

  /** What is stored is no longer known, such as after a write without an answer. */
  forget(key: string): void {
    this.#writes.delete(key);
  }

  #oneMore(before: Repaired | undefined, fields: readonly string[]): Repaired {
    const count = (before?.count ?? 0) + 1;
    return { count, dueAt: this.#now() + delayAfter(count), fields };
  }

  /** Undefined while the object is not contested. */
  contested(key: string): Contested | undefined {
    const repairs = this.#repaired(key);
    if (!repairs || repairs.count < REPAIRS.prompt) return undefined;
    const waitMs = repairs.dueAt - this.#now();
    const lookAgainMs = waitMs > 0 ? waitMs : waitMs + REPAIRS.calmMs + 1;
    return { fields: repairs.fields, lookAgainMs };
  }

  /** Undefined when the object has stayed as it is for long enough, whatever else was written meanwhile. */
  #repaired(key: string): Repaired | undefined {
    const repairs = this.#writes.get(key)?.repairs;
    return repairs && this.#now() <= repairs.dueAt + REPAIRS.calmMs ? repairs : undefined;
  }

  #recent(key: string): Write | undefined {
    const write = this.#writes.get(key);
    return write && !this.#isOld(write) ? write : undefined;
  }

  #isOld({ at, repairs }: Write): boolean {
    return this.#now() > Math.max(at, repairs?.dueAt ?? at) + REPAIRS.calmMs;
  }

  #forgetOld(): void {
    for (const [key, write] of this.#writes) {
      if (!this.#isOld(write)) return;
      this.#writes.delete(key);
    }
  }
}

function delayAfter(repairs: number): number {
  const contested = repairs - REPAIRS.prompt;
  return contested < 0 ? 0 : backoff(contested, REPAIRS.delay);
}
