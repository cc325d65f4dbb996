/** Entries to examine for ones that can be forgotten, at each call. */
const EXAMINED = 4;

/** A token bucket for each object. */
export class ObjectRates {
  readonly #burst: number;
  readonly #everyMs: number;
  /** When each bucket would be full again, the one used longest ago first. */
  readonly #fullAt = new Map<string, number>();

  /** @param everyMs time in which a bucket of `burst` regains one token */
  constructor(burst: number, everyMs: number) {
    this.#burst = burst;
    this.#everyMs = everyMs;
  }

  /**
   * Takes a token if there is one.
   *
   * @param now monotonic milliseconds
   * @returns milliseconds until there is one; 0: it was taken
   */
  take(key: string, now: number): number {
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now);
    const wait = fullAt - now - (this.#burst - 1) * this.#everyMs;
    if (wait > 0) return wait;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt + this.#everyMs);
    this.#forgetFull(now);
    return 0;
  }

  #forgetFull(now: number): void {
    let left = EXAMINED;
    for (const [key, fullAt] of this.#fullAt) {
      if (left-- === 0) return;
      if (fullAt <= now) this.#fullAt.delete(key);
    }
  }
}
