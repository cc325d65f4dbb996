import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

/** Short beside what a lease, a heartbeat or a probe allows, long beside one reconcile. */
const SLICE_MS = 10;

/**
 * Cuts work into slices, between which the event loop gets a turn. Reconciles that find nothing to do wait for nobody,
 * so that thousands of them, as when a leader takes office, would otherwise go on without a break.
 */
export class Slices {
  readonly #clock: Clock;
  #slice: { begun: number; end: Promise<void> } | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether it is time for a break: then wait for `next`, and ask again, as others work in that slice too. */
  get over(): boolean {
    return this.#clock.monotonic() - this.#current().begun >= SLICE_MS;
  }

  /** Resolves when the event loop had its turn. */
  next(): Promise<void> {
    return this.#current().end;
  }

  /** A slice begins with the first work after the event loop's turn and ends with its next one. */
  #current(): { begun: number; end: Promise<void> } {
    this.#slice ??= {
      begun: this.#clock.monotonic(),
      end: new Promise((resolve) => {
        setImmediate(() => {
          this.#slice = undefined;
          resolve();
        });
      }),
    };
    return this.#slice;
  }
}
