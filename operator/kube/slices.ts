import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

/** Much shorter than the deadlines of leases, heartbeats and probes, much longer than one reconcile. */
const SLICE_MS = 10;

/**
 * Cuts work into slices and lets the event loop run between them. A reconcile without changes awaits no I/O, so
 * thousands of them at the start of a term would otherwise block the event loop.
 */
export class Slices {
  readonly #clock: Clock;
  #slice: { begun: number; end: Promise<void> } | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether the slice is used up. Then await `next` and check again, because others work in the same slice. */
  get isUsedUp(): boolean {
    return this.#clock.monotonic() - this.#current().begun >= SLICE_MS;
  }

  /** Resolves after the event loop has run. */
  next(): Promise<void> {
    return this.#current().end;
  }

  /** A slice begins with the first work after the event loop has run, and ends when it runs again. */
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
