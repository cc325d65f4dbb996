import type { Clock } from './clock.ts';

/** A wall clock that differs by more has been stepped. */
const STEPPED_MS = 500;

/**
 * Shows monotonic times as wall time. The offset between the two is kept until the wall clock is
 * stepped, so that the same instant always reads the same and no rounding shows as a change.
 */
export class WallTime {
  private readonly clock: Clock;
  private offset: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.offset = clock.date().getTime() - clock.now();
  }

  /** RFC 3339 in UTC with milliseconds, of a time on the monotonic clock. */
  format(at: number): string {
    this.follow();
    return new Date(Math.round(at + this.offset)).toISOString();
  }

  /** An RFC 3339 time on the monotonic clock, as the wall clock stands now. */
  parse(time: string): number {
    this.follow();
    return Date.parse(time) - this.offset;
  }

  private follow(): void {
    const offset = this.clock.date().getTime() - this.clock.now();
    if (Math.abs(offset - this.offset) > STEPPED_MS) this.offset = offset;
  }
}
