import { sameTrip } from './trip.ts';
import type { FailureClass } from './outcome.ts';
import type { TripSpec } from './trip.ts';

/** Holds a circuit in one state, whatever its calls do. */
export interface Override {
  state: 'Open' | 'Closed';
  /** When it ends, on the clock of the caller; absent: when it is removed. */
  until?: number;
  reason?: string;
}

/** Durations are milliseconds of at least 1, counts at least 1. */
export interface BreakerSpec {
  trip: TripSpec;
  /** Classes that count as failures; the breaker ignores all others. */
  failureOn: readonly FailureClass[];
  /**
   * Doubles with each failed probe, up to maxOpenDurationMs, and halves with each such time in the
   * closed state. Each time that the circuit opens, the jitter spreads it.
   */
  openDurationMs: number;
  maxOpenDurationMs: number;
  halfOpen: {
    /**
     * Probes that wait for their first token or, unstreamed, for their answer at a time. Each success
     * adds one.
     */
    maxProbes: number;
    /** Successful probes that close the circuit. */
    successThreshold: number;
  };
  /** Time from the close by probes until all calls are admitted; absent or 0: at once. */
  rampUpMs?: number;
  /** The breaker decides and counts, but rejects nothing. */
  shadow?: boolean;
  override?: Override;
}

export function sameSpec(a: BreakerSpec, b: BreakerSpec): boolean {
  return (
    sameTimes(a, b) &&
    a.halfOpen.maxProbes === b.halfOpen.maxProbes &&
    a.halfOpen.successThreshold === b.halfOpen.successThreshold &&
    (a.shadow ?? false) === (b.shadow ?? false) &&
    sameOverride(a.override, b.override) &&
    sameTrip(a.trip, b.trip) &&
    sameClasses(a.failureOn, b.failureOn)
  );
}

function sameTimes(a: BreakerSpec, b: BreakerSpec): boolean {
  return (
    a.openDurationMs === b.openDurationMs &&
    a.maxOpenDurationMs === b.maxOpenDurationMs &&
    (a.rampUpMs ?? 0) === (b.rampUpMs ?? 0)
  );
}

function sameOverride(a: Override | undefined, b: Override | undefined): boolean {
  return a?.state === b?.state && a?.until === b?.until && a?.reason === b?.reason;
}

function sameClasses(a: readonly FailureClass[], b: readonly FailureClass[]): boolean {
  return a === b || (a.length === b.length && a.every((each) => b.includes(each)));
}
