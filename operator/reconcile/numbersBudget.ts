/**
 * When a status may be written although only numbers in it changed: each object at most once a
 * minute, all objects together at most five times a second (a token bucket of one second's worth).
 */
export class NumbersBudget {
  readonly #everyMs: number;
  readonly #perSecond: number;
  readonly #written = new Map<string, number>();
  #tokens: number;
  #filledAt = 0;

  constructor(everyMs = 60_000, perSecond = 5) {
    this.#everyMs = everyMs;
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /**
   * @param now monotonic milliseconds
   * @returns 0 when the write may happen now (and is counted), else how many milliseconds to wait
   */
  take(key: string, now: number): number {
    const last = this.#written.get(key);
    if (last !== undefined && now < last + this.#everyMs) return last + this.#everyMs - now;
    this.#refill(now);
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
    this.#tokens -= 1;
    this.#written.set(key, now);
    return 0;
  }

  /** Forgets an object that is gone. */
  forget(key: string): void {
    this.#written.delete(key);
  }

  #refill(now: number): void {
    const earned = ((now - this.#filledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + Math.max(0, earned));
    this.#filledAt = now;
  }
}
