import { MAX_TIMER_MS } from './clock.ts';
import type { Clock } from './clock.ts';

/** One timer for the earliest of many times. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #at = Infinity;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at` or earlier; after an early ring, set it again. */
  set(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    const ms = Math.min(Math.max(Math.ceil(at - this.#clock.now()), 1), MAX_TIMER_MS);
    this.#cancel = this.#clock.setTimer(ms, () => {
      this.#at = Infinity;
      this.#cancel = undefined;
      this.#ring();
    });
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = Infinity;
  }
}
