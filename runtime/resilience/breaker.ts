import { IGNORED, OK } from './outcome.ts';
import { sameTrip, tripRules } from './trip.ts';
import type { Failure, FailureClass, Outcome } from './outcome.ts';
import type { TripRule, TripSpec } from './trip.ts';

export type CircuitState = 'Closed' | 'HalfOpen' | 'Open';

/** What a breaker goes by. Durations are milliseconds of at least 1, counts at least 1. */
export interface BreakerSpec {
  trip: TripSpec;
  /** Classes that count as failures; any other is ignored. */
  failureOn: readonly FailureClass[];
  /** Doubles with each probe that fails, up to maxOpenDurationMs. */
  openDurationMs: number;
  maxOpenDurationMs: number;
  halfOpen: {
    /** Calls let through at a time while half-open. */
    maxProbes: number;
    /** Successful probes that close the circuit. */
    successThreshold: number;
  };
}

/** A change of state, told after it has happened. `at` is on the clock of the caller. */
export interface BreakerTransition {
  from: CircuitState;
  to: CircuitState;
  reason: string;
  at: number;
}

/** Leave to make one call. It votes once, in the state that it was granted in or not at all. */
export interface BreakerPermit {
  readonly kind: 'Permit';
  /** Lets a half-open probe vote ok now; does nothing for a call granted while closed. */
  firstToken(now: number): void;
  /** Ends the call. Does nothing the second time or after a probe has voted. */
  settle(outcome: Outcome, now: number): void;
}

export interface BreakerRejection {
  readonly kind: 'Rejection';
  /** Whole milliseconds until another attempt makes sense. */
  readonly retryAfterMs: number;
}

/** How soon to ask again while probes run: their result is due at any moment. */
const PROBING: BreakerRejection = { kind: 'Rejection', retryAfterMs: 1000 };

/**
 * Circuit breaker: Closed → Open → HalfOpen → Closed (Nygard, Release It!; half-open permits as in
 * resilience4j). It has no timer and reads no clock: every method takes `now`, in milliseconds of a
 * clock that never goes back. Each transition starts a new generation, and a result counts only in
 * the generation that its call was granted in.
 */
export class Breaker {
  private spec: BreakerSpec;
  private readonly rules: TripRule[] = tripRules();
  private readonly onTransition: ((transition: BreakerTransition) => void) | undefined;
  private current: CircuitState = 'Closed';
  private generation = 0;
  private openedAt = 0;
  /** Times it was reopened by a probe since it was last closed. */
  private reopened = 0;
  private probes = 0;
  private successes = 0;

  /** `onTransition` is called when the new state is in force; it must not throw. */
  constructor(
    spec: BreakerSpec,
    now: number,
    onTransition?: (transition: BreakerTransition) => void,
  ) {
    this.spec = spec;
    this.onTransition = onTransition;
    for (const rule of this.rules) rule.apply(spec.trip, now);
  }

  /** Asks to make one call. Never waits and never throws. */
  acquire(now: number): BreakerPermit | BreakerRejection {
    this.advance(now);
    if (this.current === 'Closed') return new CallPermit(this, this.generation);
    if (this.current === 'Open') {
      return { kind: 'Rejection', retryAfterMs: Math.ceil(this.deadline() - now) };
    }
    if (this.probes >= this.spec.halfOpen.maxProbes) return PROBING;
    this.probes += 1;
    return new ProbePermit(this, this.generation);
  }

  /**
   * Puts another spec in force without losing state. The deadline of an open circuit is counted
   * anew from when it opened; thresholds bind at the next record. An equal spec changes nothing.
   */
  apply(spec: BreakerSpec, now: number): void {
    if (sameSpec(this.spec, spec)) return;
    this.advance(now);
    this.spec = spec;
    for (const rule of this.rules) rule.apply(spec.trip, now);
    this.advance(now);
  }

  /** Brings about what is due by the passing of time alone. */
  advance(now: number): void {
    if (this.current !== 'Open' || now < this.deadline()) return;
    this.transition('HalfOpen', `open for ${seconds(now - this.openedAt)}`, now);
  }

  /** State at this time; reading it changes nothing. */
  state(now: number): CircuitState {
    return this.current === 'Open' && now >= this.deadline() ? 'HalfOpen' : this.current;
  }

  /** When the state changes without traffic; undefined when it does not. */
  nextDeadline(now: number): number | undefined {
    return this.state(now) === 'Open' ? this.deadline() : undefined;
  }

  /** Whether the class of this failure is one that counts. */
  counts(outcome: Outcome): outcome is Failure {
    return outcome.vote === 'failure' && this.spec.failureOn.includes(outcome.class);
  }

  /** Takes the result of a call granted in `generation`; for the permits. */
  record(generation: number, outcome: Outcome, now: number): void {
    if (generation !== this.generation) return;
    const vote = outcome.vote === 'failure' && !this.counts(outcome) ? IGNORED : outcome;
    if (this.current === 'HalfOpen') this.recordProbe(vote, now);
    else if (vote.vote !== 'ignored') this.recordCall(vote, now);
  }

  private recordCall(outcome: Outcome, now: number): void {
    for (const rule of this.rules) {
      const reason = rule.record(outcome, now);
      if (reason !== undefined) {
        this.open(0, reason, now);
        return;
      }
    }
  }

  private recordProbe(outcome: Outcome, now: number): void {
    this.probes -= 1;
    if (outcome.vote === 'ignored') return;
    if (outcome.vote === 'failure') {
      this.open(this.reopened + 1, `probe failed (${outcome.class})`, now);
      return;
    }
    this.successes += 1;
    const needed = this.spec.halfOpen.successThreshold;
    if (this.successes < needed) return;
    for (const rule of this.rules) rule.reset(now);
    this.transition('Closed', `${needed} of ${needed} probes succeeded`, now);
  }

  private open(reopened: number, reason: string, now: number): void {
    this.reopened = reopened;
    this.openedAt = now;
    this.transition('Open', reason, now);
  }

  private transition(to: CircuitState, reason: string, now: number): void {
    const from = this.current;
    this.current = to;
    this.generation += 1;
    this.probes = 0;
    this.successes = 0;
    this.onTransition?.({ from, to, reason, at: now });
  }

  private deadline(): number {
    const { openDurationMs, maxOpenDurationMs } = this.spec;
    return this.openedAt + Math.min(openDurationMs * 2 ** this.reopened, maxOpenDurationMs);
  }
}

/** A call granted while the circuit was closed: it votes at its end. */
class CallPermit implements BreakerPermit {
  readonly kind = 'Permit';
  private breaker: Breaker | undefined;
  private readonly generation: number;

  constructor(breaker: Breaker, generation: number) {
    this.breaker = breaker;
    this.generation = generation;
  }

  firstToken(_now: number): void {
    // A call of a closed circuit is judged as a whole: a stream that breaks off is a failure.
  }

  settle(outcome: Outcome, now: number): void {
    const breaker = this.breaker;
    this.breaker = undefined;
    breaker?.record(this.generation, outcome, now);
  }
}

/** A call granted while half-open: it votes at its first token or at its end, whichever is first. */
class ProbePermit extends CallPermit {
  override firstToken(now: number): void {
    this.settle(OK, now);
  }
}

function sameSpec(a: BreakerSpec, b: BreakerSpec): boolean {
  return (
    a.openDurationMs === b.openDurationMs &&
    a.maxOpenDurationMs === b.maxOpenDurationMs &&
    a.halfOpen.maxProbes === b.halfOpen.maxProbes &&
    a.halfOpen.successThreshold === b.halfOpen.successThreshold &&
    sameTrip(a.trip, b.trip) &&
    sameClasses(a.failureOn, b.failureOn)
  );
}

function sameClasses(a: readonly FailureClass[], b: readonly FailureClass[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

/** Milliseconds as seconds for reading: 60s, 1.5s, 0.2s. Rounded down, so that a timer that is late by a moment does not show. */
function seconds(ms: number): string {
  const step = ms < 10_000 ? 100 : 1000;
  return `${(Math.floor(ms / step) * step) / 1000}s`;
}
