import { Alarm } from './alarm.ts';
import { WallTime } from './wallTime.ts';
import type { GateSpec } from '../resilience/gates.ts';
import type { Clock } from './clock.ts';

/** What all parts of one guard share: its clock, its one timer and its count of faults. */
export class GuardContext {
  /** How long gates and pauses last at most, in milliseconds; from the configuration in force. */
  gates: GateSpec = { maxWaitMs: Infinity };
  /** From 0 up to but not 1. */
  readonly random: () => number;
  /** Permits that were settled more than once. */
  settledTwice = 0;
  readonly wallTime: WallTime;
  private readonly clock: Clock;
  private readonly alarm: Alarm;
  private closed = false;

  /** Calls `onAlarm` when a time given to `arm` has come. */
  constructor(clock: Clock, onAlarm: () => void, random: () => number) {
    this.clock = clock;
    this.random = random;
    this.wallTime = new WallTime(clock);
    this.alarm = new Alarm(clock, onAlarm);
  }

  /** Whole milliseconds on the monotonic clock. */
  now(): number {
    return Math.floor(this.clock.now());
  }

  date(): Date {
    return this.clock.date();
  }

  /** Asks for the alarm at `at`; Infinity asks for none. */
  arm(at: number): void {
    if (at < Infinity && !this.closed) this.alarm.set(at);
  }

  /** Stops the timer. */
  close(): void {
    this.closed = true;
    this.alarm.clear();
  }
}
