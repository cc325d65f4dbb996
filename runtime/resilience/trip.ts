import { rowOf } from './rows.ts';
import { addMiss, onlyAdds, SampleWindow, WINDOW_CELLS } from './sampleWindow.ts';
import type { Outcome } from './outcome.ts';
import type { Row } from './rows.ts';
import type { WindowSpec } from './sampleWindow.ts';

/** A share of the calls in a window, once there are enough of them. `percent` is 1 to 100. */
export type RateSpec = WindowSpec & {
  percent: number;
  /** Calls that have ended within the window, before the share counts. */
  minimumCalls: number;
};

/** When a closed circuit opens. An absent rule is off. */
export interface TripSpec {
  consecutiveFailures?: number;
  failureRate?: RateSpec;
  slowCalls?: RateSpec & {
    /** A call is slow when it takes longer, in milliseconds. */
    slowerThanMs: number;
  };
}

/** A small integer, because Infinity would be an object to look up at each call. */
const NEVER_MS = 2 ** 30 - 1;

// Columns.
/** Failures in a row. */
const FAILURES = 0;
/** Time after which a call is slow, in milliseconds; far off when the rule is off. */
const SLOWER_THAN_MS = 1;
/** 1 when the rule on the share of failures is on. */
const BY_RATE = 2;
const FAILED = 3;
const SLOW = FAILED + WINDOW_CELLS;
/** Numbers of the rules in a row. */
export const TRIP_CELLS = SLOW + WINDOW_CELLS;

/**
 * Takes a call of a closed circuit that went well after `ms`, if nothing comes of it but that it is
 * counted; false, and nothing is changed, when it takes `record`.
 */
export function countGood(cells: Float64Array, at: number, ms: number, now: number): boolean {
  const slowerThanMs = cells[at + SLOWER_THAN_MS]!;
  if (ms > slowerThanMs) return false;
  const second = Math.floor(now / 1000);
  const byRate = cells[at + BY_RATE] === 1;
  const bySlowness = slowerThanMs !== NEVER_MS;
  if (byRate && !onlyAdds(cells, at + FAILED, second)) return false;
  if (bySlowness && !onlyAdds(cells, at + SLOW, second)) return false;
  if (byRate) addMiss(cells, at + FAILED);
  if (bySlowness) addMiss(cells, at + SLOW);
  cells[at + FAILURES] = 0;
  return true;
}

/**
 * The rules that open a circuit. Calls count when they end. Samples stay when the spec changes, also
 * those of a rule that is turned off, so that a reload loses nothing: a new threshold binds at the
 * next record.
 */
export class Trip {
  private readonly cells: Float64Array;
  private readonly at: number;
  /** 0 when the rule is off. */
  private consecutive = 0;
  judgesSlowness = false;
  private readonly failed: SampleWindow;
  private readonly slow: SampleWindow;
  private spec: TripSpec = {};

  constructor({ cells, at }: Row = rowOf(TRIP_CELLS)) {
    this.cells = cells;
    this.at = at;
    this.failed = new SampleWindow({ cells, at: at + FAILED });
    this.slow = new SampleWindow({ cells, at: at + SLOW });
  }

  /** Time after which a call is slow, in milliseconds; far off when the rule is off. */
  get slowerThanMs(): number {
    return this.cells[this.at + SLOWER_THAN_MS]!;
  }

  apply(spec: TripSpec): void {
    this.spec = spec;
    this.consecutive = spec.consecutiveFailures ?? 0;
    this.cells[this.at + SLOWER_THAN_MS] = spec.slowCalls?.slowerThanMs ?? NEVER_MS;
    this.cells[this.at + BY_RATE] = spec.failureRate === undefined ? 0 : 1;
    this.judgesSlowness = spec.slowCalls !== undefined;
    if (spec.failureRate) this.failed.apply(spec.failureRate);
    if (spec.slowCalls) this.slow.apply(spec.slowCalls);
  }

  /** Takes one result of a closed circuit (never an ignored one). Answers why to open, if so. */
  record(outcome: Outcome, slow: boolean, now: number): string | undefined {
    const failed = outcome.vote === 'failure';
    const failures = failed ? this.cells[this.at + FAILURES]! + 1 : 0;
    this.cells[this.at + FAILURES] = failures;
    if (this.spec.failureRate !== undefined) this.failed.record(failed, now);
    if (this.judgesSlowness) this.slow.record(slow, now);
    if (failed && this.consecutive > 0 && failures >= this.consecutive) {
      return `${failures} consecutive failures (${outcome.class})`;
    }
    // Without a hit in the windows there is nothing to be exceeded.
    return this.failed.hits > 0 || this.slow.hits > 0 ? this.exceeded() : undefined;
  }

  /** Why the shares in the windows open the circuit, if they do. */
  private exceeded(): string | undefined {
    const { failureRate, slowCalls } = this.spec;
    if (failureRate !== undefined && exceeds(this.failed, failureRate)) {
      return `${share(this.failed)} of ${extent(this.failed, failureRate)} failed`;
    }
    if (slowCalls !== undefined && exceeds(this.slow, slowCalls)) {
      const of = `${share(this.slow)} of ${extent(this.slow, slowCalls)}`;
      return `${of} slower than ${slowCalls.slowerThanMs / 1000}s`;
    }
    return undefined;
  }

  /** The circuit has closed again: what came before counts no more. */
  reset(): void {
    this.cells[this.at + FAILURES] = 0;
    this.failed.reset();
    this.slow.reset();
  }
}

/** Whether two specs say the same. */
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
  return (
    a.percent === b.percent &&
    a.minimumCalls === b.minimumCalls &&
    windowMs(a) === windowMs(b) &&
    windowCalls(a) === windowCalls(b)
  );
}

function windowMs(spec: WindowSpec): number | undefined {
  return 'windowMs' in spec ? spec.windowMs : undefined;
}

function windowCalls(spec: WindowSpec): number | undefined {
  return 'calls' in spec ? spec.calls : undefined;
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
