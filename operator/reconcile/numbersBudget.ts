/** How late a time that was given out may be used: longer than a busy operator takes to come to it. */
const LATE_MS = 5_000;

/** Figures that do not move any more are written so long after the last write at the earliest. */
const SETTLED_MS = 7_000;

/**
 * When a status may be written although only numbers in it changed: each object at most once a
 * minute, all objects together at most five times a second, and at once after a quiet second. Who has
 * to wait is given a time of its own: if all tried again as soon as the next one may write, a thousand
 * would work out their status five times a second for one of them to write it.
 */
export class NumbersBudget {
  readonly #everyMs: number;
  readonly #perSecond: number;
  readonly #written = new Map<string, number>();
  /** Times that were given out, by key. */
  readonly #reserved = new Map<string, number>();
  /** When the next time that is not given out is. */
  #nextAt = -Infinity;

  constructor(everyMs = 60_000, perSecond = 5) {
    this.#everyMs = everyMs;
    this.#perSecond = perSecond;
  }

  /**
   * @param now monotonic milliseconds
   * @param settled whether the numbers have stopped moving
   * @returns 0 when the write may happen now (and is counted), else how many milliseconds to wait
   */
  take(key: string, now: number, settled = false): number {
    const last = this.#written.get(key);
    const everyMs = settled ? Math.min(SETTLED_MS, this.#everyMs) : this.#everyMs;
    if (last !== undefined && now < last + everyMs) return last + everyMs - now;
    const known = this.#reserved.get(key);
    // Nobody came for it in time: it is not kept, or many such could be used at once.
    const at = known !== undefined && known > now - LATE_MS ? known : this.#reserve(key, now);
    if (at > now) return Math.ceil(at - now);
    this.#reserved.delete(key);
    this.#written.set(key, now);
    return 0;
  }

  /** Forgets an object that is gone. */
  forget(key: string): void {
    this.#written.delete(key);
    this.#reserved.delete(key);
  }

  /** The next free time, as a token bucket of one second's worth gives them out. */
  #reserve(key: string, now: number): number {
    const stepMs = 1000 / this.#perSecond;
    const at = Math.max(this.#nextAt, now - 1000 + stepMs);
    this.#nextAt = at + stepMs;
    this.#reserved.set(key, at);
    return at;
  }
}
