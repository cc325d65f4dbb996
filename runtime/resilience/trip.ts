import type { MustStay } from './recentCalls.ts';
import { SampleWindow } from './sampleWindow.ts';
import { Streak } from './streak.ts';
import type { Outcome } from './outcome.ts';
import type { WindowSpec } from './sampleWindow.ts';

/** A share of the calls in a window. `percent` is 1 to 100. */
export type RateSpec = WindowSpec & {
  percent: number;
  /** Least number of ended calls in the window before the share counts. */
  minimumCalls: number;
};

/** When a closed circuit opens. An absent rule is off. */
export interface TripSpec {
  /** Failures in a row that open it where hardly any failed before; see Streak. */
  consecutiveFailures?: number;
  failureRate?: RateSpec;
  slowCalls?: RateSpec & {
    /** A call that takes longer is slow, in milliseconds. */
    slowerThanMs: number;
  };
}

/** What the rules have counted; a rule that is off has counted nothing. */
export interface TripCounts {
  /** As many as would open a circuit without failures before. */
  failuresInARow: number;
  /** Calls in the window of failureRate, and how many failed. */
  calls: number;
  failed: number;
  /** Calls in the window of slowCalls, and how many were slow. */
  timed: number;
  slow: number;
}

/**
 * The rules that open a closed circuit. A call counts when it ends. A new spec keeps the samples
 * that its windows cover, and its thresholds apply from the next call on. A rule that was off starts
 * without samples.
 */
export class Trip {
  #spec: TripSpec;
  readonly #streak = new Streak();
  readonly #failed = new SampleWindow();
  readonly #slow = new SampleWindow();

  constructor(spec: TripSpec) {
    this.#spec = spec;
    this.apply(spec);
  }

  apply(spec: TripSpec): void {
    this.#spec = spec;
    if (spec.consecutiveFailures === undefined) this.#streak.reset();
    if (spec.failureRate) this.#failed.apply(spec.failureRate);
    else this.#failed.reset();
    if (spec.slowCalls) this.#slow.apply(spec.slowCalls);
    else this.#slow.reset();
  }

  /** Duration above which a call is slow, in milliseconds; undefined if slow calls do not count. */
  get slowerThanMs(): number | undefined {
    return this.#spec.slowCalls?.slowerThanMs;
  }

  /**
   * Counts one call. One that is ignored counts only as slow. Returns why the circuit opens, if it does; a streak opens
   * none that `mustStay` closed.
   */
  record(outcome: Outcome, slow: boolean, now: number, mustStay?: MustStay): string | undefined {
    this.#count(outcome, slow, now);
    if (outcome.vote === 'failure' && this.#isOutage() && mustStay?.() !== true) {
      return `${this.#streak.length} consecutive failures (${outcome.class})`;
    }
    return this.#failed.hits > 0 || this.#slow.hits > 0 ? this.#exceeded() : undefined;
  }

  counts(now: number): TripCounts {
    const failed = this.#failed;
    const slow = this.#slow;
    const { consecutiveFailures = 0 } = this.#spec;
    const streak = this.#streak;
    const failuresInARow = Math.floor(
      (streak.length * consecutiveFailures) / Math.max(1, streak.needed(consecutiveFailures)),
    );
    failed.expire(now);
    slow.expire(now);
    return {
      failuresInARow,
      ...{ calls: failed.calls, failed: failed.hits },
      ...{ timed: slow.calls, slow: slow.hits },
    };
  }

  /** Whether no call that counts has failed or was slow. */
  isClean(now: number): boolean {
    this.#failed.expire(now);
    this.#slow.expire(now);
    return this.#streak.length + this.#failed.hits + this.#slow.hits === 0;
  }

  /** Forgets all calls. */
  reset(): void {
    this.#streak.reset();
    this.#failed.reset();
    this.#slow.reset();
  }

  /** The circuit has closed: only the streak is remembered, as its past. */
  closed(): void {
    this.#streak.settle();
    this.#failed.reset();
    this.#slow.reset();
  }

  #count(outcome: Outcome, slow: boolean, now: number): void {
    const { failureRate, slowCalls } = this.#spec;
    if (outcome.vote !== 'ignored') {
      this.#countInARow(outcome);
      if (failureRate !== undefined) this.#failed.record(outcome.vote === 'failure', now);
    } else if (failureRate !== undefined) this.#failed.expire(now);
    if (slowCalls !== undefined) this.#slow.record(slow, now);
  }

  #countInARow(outcome: Outcome): void {
    if (this.#spec.consecutiveFailures === undefined) return;
    if (outcome.vote === 'failure') this.#streak.failed(outcome.repeated !== true);
    else this.#streak.succeeded();
  }

  #isOutage(): boolean {
    const { consecutiveFailures } = this.#spec;
    return consecutiveFailures !== undefined && this.#streak.exceeds(consecutiveFailures);
  }

  #exceeded(): string | undefined {
    const { failureRate, slowCalls } = this.#spec;
    if (failureRate !== undefined && exceeds(this.#failed, failureRate)) {
      return `${share(this.#failed)} of ${extent(this.#failed, failureRate)} failed`;
    }
    if (slowCalls !== undefined && exceeds(this.#slow, slowCalls)) {
      const of = `${share(this.#slow)} of ${extent(this.#slow, slowCalls)}`;
      return `${of} slower than ${slowCalls.slowerThanMs / 1000}s`;
    }
    return undefined;
  }
}

export function sameTrip(a: TripSpec, b: TripSpec): boolean {
  return (
    a.consecutiveFailures === b.consecutiveFailures &&
    sameRate(a.failureRate, b.failureRate) &&
    sameRate(a.slowCalls, b.slowCalls) &&
    a.slowCalls?.slowerThanMs === b.slowCalls?.slowerThanMs
  );
}

function sameRate(a: RateSpec | undefined, b: RateSpec | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.percent === b.percent && a.minimumCalls === b.minimumCalls && sameWindow(a, b);
}

function sameWindow(a: WindowSpec, b: WindowSpec): boolean {
  if ('windowMs' in a) return 'windowMs' in b && a.windowMs === b.windowMs;
  return 'calls' in b && a.calls === b.calls;
}

function exceeds({ calls, hits }: SampleWindow, { percent, minimumCalls }: RateSpec): boolean {
  return calls >= minimumCalls && calls > 0 && hits * 100 >= percent * calls;
}

function share({ calls, hits }: SampleWindow): string {
  return `${Math.floor((100 * hits) / calls)}%`;
}

function extent({ calls }: SampleWindow, spec: RateSpec): string {
  return 'windowMs' in spec ? `${calls} calls in ${spec.windowMs / 1000}s` : `${calls} calls`;
}
