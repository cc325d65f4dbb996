import type { Outcome } from './outcome.ts';

/** When a closed circuit opens. An absent rule is off. */
export interface TripSpec {
  consecutiveFailures?: number;
}

/**
 * One rule that opens a circuit. It keeps its samples while it is off and when the spec changes, so
 * that a reload loses nothing: a new threshold binds at the next record.
 */
export interface TripRule {
  apply(spec: TripSpec, now: number): void;
  /** Takes one result of a closed circuit (never an ignored one). Answers why to open, if so. */
  record(outcome: Outcome, now: number): string | undefined;
  /** The circuit has closed again: what came before counts no more. */
  reset(now: number): void;
}

/** Opens after so many failures in a row. */
export class ConsecutiveFailures implements TripRule {
  private threshold: number | undefined;
  private count = 0;

  apply(spec: TripSpec): void {
    this.threshold = spec.consecutiveFailures;
  }

  record(outcome: Outcome): string | undefined {
    if (outcome.vote !== 'failure') {
      this.count = 0;
      return undefined;
    }
    this.count += 1;
    if (this.threshold === undefined || this.count < this.threshold) return undefined;
    return `${this.count} consecutive failures (${outcome.class})`;
  }

  reset(): void {
    this.count = 0;
  }
}

/** Every rule there is, in the order in which they are asked. */
export function tripRules(): TripRule[] {
  return [new ConsecutiveFailures()];
}

/** Whether two specs say the same. */
export function sameTrip(a: TripSpec, b: TripSpec): boolean {
  return a.consecutiveFailures === b.consecutiveFailures;
}
