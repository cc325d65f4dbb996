/** A reserved time expires so long after it: a busy operator may come late, but not that late. */
const EXPIRY_MS = 5_000;

/** Least time between two writes of one object if its figures have settled. */
const SETTLED_MS = 7_000;

/**
 * Limits writes that can wait, such as those of changed figures: each object once a minute, all objects together five
 * times a second, with a burst of one second's worth. An object that must wait gets a time of its own. If all retried
 * whenever the next write is free, a thousand objects would compute their status five times a second, and one of them
 * would write.
 */
export class WriteBudget {
  readonly #everyMs: number;
  readonly #perSecond: number;
  readonly #written = new Map<string, number>();
  /** When the object may write, by key. */
  readonly #reserved = new Map<string, number>();
  /** The first time that is not reserved. */
  #nextAt = -Infinity;

  constructor(everyMs = 60_000, perSecond = 5) {
    this.#everyMs = everyMs;
    this.#perSecond = perSecond;
  }

  /**
   * @param now monotonic milliseconds
   * @param settled whether the figures have stopped changing
   * @returns milliseconds to wait; 0: the write may happen now, and counts
   */
  take(key: string, now: number, settled = false): number {
    const last = this.#written.get(key);
    const everyMs = settled ? Math.min(SETTLED_MS, this.#everyMs) : this.#everyMs;
    if (last !== undefined && now < last + everyMs) return last + everyMs - now;
    const known = this.#reserved.get(key);
    // An expired time lapses. Otherwise many of them could be used at once.
    const at = known !== undefined && known > now - EXPIRY_MS ? known : this.#reserve(key, now);
    if (at > now) return Math.ceil(at - now);
    this.#reserved.delete(key);
    this.#written.set(key, now);
    return 0;
  }

  forget(key: string): void {
    this.#written.delete(key);
    this.#reserved.delete(key);
  }

  /** Takes the next free time of a token bucket whose capacity is one second's worth. */
  #reserve(key: string, now: number): number {
    const stepMs = 1000 / this.#perSecond;
    const at = Math.max(this.#nextAt, now - 1000 + stepMs);
    this.#nextAt = at + stepMs;
    this.#reserved.set(key, at);
    return at;
  }
}
