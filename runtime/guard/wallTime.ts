import type { Clock } from './clock.ts';

/** A larger difference means that the wall clock was stepped. */
const STEPPED_MS = 500;

/**
 * Converts monotonic times to wall time. It keeps the offset between the clocks until the wall clock
 * is stepped, so the same instant always reads the same.
 */
export class WallTime {
  readonly #clock: Clock;
  #offset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.date().getTime() - clock.now();
  }

  /** A monotonic time as RFC 3339 in UTC with milliseconds. */
  format(at: number): string {
    this.#follow();
    return new Date(Math.round(at + this.#offset)).toISOString();
  }

  /** An RFC 3339 time as monotonic time. */
  parse(time: string): number {
    this.#follow();
    return Date.parse(time) - this.#offset;
  }

  #follow(): void {
    const offset = this.#clock.date().getTime() - this.#clock.now();
    if (Math.abs(offset - this.#offset) > STEPPED_MS) this.#offset = offset;
  }
}
