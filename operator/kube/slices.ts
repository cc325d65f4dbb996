import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

/** Short beside what a lease, a heartbeat or a probe allows, long beside one reconcile. */
const SLICE_MS = 10;

/**
 * Cuts work into slices and gives the event loop a turn between them. A reconcile that finds nothing to do awaits no
 * I/O, so thousands of them at the start of a term would otherwise block the event loop.
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
