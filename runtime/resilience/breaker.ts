import {
  BREAKER_CELLS,
  GENERATION,
  IN_FLIGHT,
  letIn,
  LETS_ALL,
  letsAll,
  TRIP,
} from './breakerRow.ts';
import { sameSpec } from './breakerSpec.ts';
import { OK } from './outcome.ts';
import { RampUp } from './rampUp.ts';
import { rowOf } from './rows.ts';
import { Trip } from './trip.ts';
import type { BreakerSpec, Override } from './breakerSpec.ts';
import type { Failure, Outcome } from './outcome.ts';
import type { Row } from './rows.ts';

export type CircuitState = 'Closed' | 'HalfOpen' | 'Open';

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
  /** The answer begins: the call is as slow as it is now, and a half-open probe votes. */
  firstToken(now: number): void;
  /** Ends the call. Does nothing the second time or after a probe has voted. */
  settle(outcome: Outcome, now: number): void;
}

export interface BreakerRejection {
  readonly kind: 'Rejection';
  /** Whole milliseconds until another attempt makes sense. */
  readonly retryAfterMs: number;
}

/** What outlives the process. Times are relative, because clocks do not outlive it. */
export interface BreakerSnapshot {
  state: 'Open' | 'HalfOpen';
  /** Time since it opened. */
  openForMs: number;
  reopened: number;
  /** Whether an override held it open. */
  held: boolean;
}

/** How soon to ask again while probes run or calls come back gradually. */
const SOON: BreakerRejection = { kind: 'Rejection', retryAfterMs: 1000 };

/** Generation of a call that has no vote: in the shadow it would not have been granted. */
export const NO_VOTE = -1;
/** Instead of a generation: the call is not to be made. */
export const REJECTED = -2;

/**
 * Circuit breaker: Closed → Open → HalfOpen → Closed (Nygard, Release It!; half-open permits as in
 * resilience4j). It has no timer and reads no clock: every method takes `now`, in milliseconds of a
 * clock that never goes back. Each transition starts a new generation, and a result counts only in
 * the generation that its call was granted in.
 */
export class Breaker {
  private readonly cells: Float64Array;
  private readonly at: number;
  private current: CircuitState = 'Closed';
  private readonly trip: Trip;
  /** Whether there is an override that may be or come to its end. */
  private mayOverride: boolean;
  /** Only while calls come back gradually. */
  private rampUp: RampUp | undefined;
  private spec: BreakerSpec;
  /** Calls rejected so far, or that would have been in the shadow. */
  rejections = 0;
  /** Why `enter` answered REJECTED last. */
  rejection: BreakerRejection = SOON;
  private readonly onTransition: ((transition: BreakerTransition) => void) | undefined;
  /** State of the override in force. */
  private held: Override['state'] | undefined;
  private openedAt = 0;
  /** Times it was reopened by a probe since it was last closed. */
  private reopened = 0;
  private successes = 0;

  /** `onTransition` is called when the new state is in force; it must not throw. */
  constructor(
    spec: BreakerSpec,
    now: number,
    onTransition?: (transition: BreakerTransition) => void,
    { cells, at }: Row = rowOf(BREAKER_CELLS),
  ) {
    this.cells = cells;
    this.at = at;
    this.trip = new Trip({ cells, at: at + TRIP });
    this.spec = spec;
    this.mayOverride = spec.override !== undefined;
    this.onTransition = onTransition;
    this.trip.apply(spec.trip);
    this.advance(now);
    this.note();
  }

  /** Asks to make one call. Never waits and never throws. */
  acquire(now: number): BreakerPermit | BreakerRejection {
    const generation = this.enter(now);
    return generation === REJECTED ? this.rejection : new CallPermit(this, generation, now);
  }

  /**
   * The same for who keeps the permit's figures itself, which costs no object: answers the
   * generation to `record` in, NO_VOTE, or REJECTED with the answer in `rejection`.
   */
  enter(now: number): number {
    const { cells, at } = this;
    if (letsAll(cells, at)) return letIn(cells, at);
    const rejection = this.judge(now);
    if (rejection === undefined) return letIn(cells, at);
    this.rejections += 1;
    if (this.spec.shadow === true) return NO_VOTE;
    this.rejection = rejection;
    return REJECTED;
  }

  /**
   * Puts another spec in force without losing state. The deadline of an open circuit is counted
   * anew from when it opened; thresholds bind at the next record. An equal spec changes nothing.
   */
  apply(spec: BreakerSpec, now: number): void {
    if (sameSpec(this.spec, spec)) return;
    this.advance(now);
    this.spec = spec;
    this.mayOverride = spec.override !== undefined || this.held !== undefined;
    this.trip.apply(spec.trip);
    this.note();
    this.advance(now);
  }

  /** Closes the circuit, if no override holds it open, and forgets what the calls before did. */
  reset(reason: string, now: number): void {
    this.advance(now);
    if (this.held !== 'Open') this.close(reason, now);
  }

  /** Brings about what is due by the passing of time alone. */
  advance(now: number): void {
    if (this.mayOverride) this.heed(now);
    if (this.current !== 'Open' || now < this.deadline()) return;
    this.transition('HalfOpen', `open for ${seconds(now - this.openedAt)}`, now);
  }

  /** State at this time; reading it changes nothing. */
  state(now: number): CircuitState {
    return this.current === 'Open' && now >= this.deadline() ? 'HalfOpen' : this.current;
  }

  /** Whether its state lets a call through at this time; while calls come back gradually, perhaps not each. */
  admits(now: number): boolean {
    if (this.spec.shadow === true) return true;
    const state = this.state(now);
    if (state !== 'HalfOpen') return state === 'Closed';
    // Probes of the state before do not count.
    return this.current !== 'HalfOpen' || this.inFlight < this.spec.halfOpen.maxProbes;
  }

  /** When the state changes without traffic; undefined when it does not. */
  nextDeadline(now: number): number | undefined {
    if (this.state(now) !== 'Open') return undefined;
    const deadline = this.deadline();
    return deadline === Infinity ? undefined : deadline;
  }

  /** State of the override in force at this time, if any. */
  overridden(now: number): Override['state'] | undefined {
    const { override } = this.spec;
    return override && now < (override.until ?? Infinity) ? override.state : undefined;
  }

  /** How long it stays open at first and at most, in milliseconds. */
  openDurations(): Pick<BreakerSpec, 'openDurationMs' | 'maxOpenDurationMs'> {
    return this.spec;
  }

  /** Whether the class of this failure is one that counts. */
  counts(outcome: Outcome): outcome is Failure {
    return outcome.vote === 'failure' && this.spec.failureOn.includes(outcome.class);
  }

  /** Whether a call granted in `generation` would not be granted so any more. */
  isStale(generation: number): boolean {
    return generation !== NO_VOTE && generation !== this.generation;
  }

  /** Whether a call granted in `generation` is a probe whose vote is awaited. */
  isProbe(generation: number): boolean {
    return generation === this.generation && this.current === 'HalfOpen';
  }

  /** Takes the result of a call granted in `generation` that took `ms`; for the permits. */
  record(generation: number, outcome: Outcome, ms: number, now: number): void {
    if (generation !== this.generation) return;
    this.cells[this.at + IN_FLIGHT]! -= 1;
    if (outcome.vote === 'ignored') return;
    if (outcome.vote === 'failure' && !this.counts(outcome)) return;
    const slow = outcome.slow === true || ms > this.trip.slowerThanMs;
    if (this.current === 'HalfOpen') this.recordProbe(outcome, slow, now);
    else this.recordCall(outcome, slow, now);
  }

  /** What is to be kept over a restart; undefined when there is nothing. */
  snapshot(now: number): BreakerSnapshot | undefined {
    const state = this.state(now);
    if (state === 'Closed') return undefined;
    const { openedAt, reopened } = this;
    return { state, openForMs: now - openedAt, reopened, held: this.held === 'Open' };
  }

  /**
   * Takes up a state saved `ageMs` ago, without telling of a transition: it has been told before.
   * One older than maxAgeMs is worth nothing; false then.
   */
  restore(saved: BreakerSnapshot, ageMs: number, maxAgeMs: number, now: number): boolean {
    if (ageMs < 0 || ageMs > maxAgeMs || this.held !== undefined) return false;
    this.current = saved.state;
    this.begin();
    this.openedAt = now - saved.openForMs - ageMs;
    this.reopened = saved.reopened;
    if (saved.held && saved.state === 'Open') {
      this.held = 'Open';
      this.mayOverride = true;
    }
    this.note();
    this.advance(now);
    return true;
  }

  /** Why a call is not let through now; undefined when it is. */
  private judge(now: number): BreakerRejection | undefined {
    this.advance(now);
    if (this.current === 'Closed') return this.rampUp && this.judgeRampUp(this.rampUp, now);
    if (this.current === 'HalfOpen') {
      return this.inFlight >= this.spec.halfOpen.maxProbes ? SOON : undefined;
    }
    const ms = this.deadline() - now;
    const retryAfterMs = ms === Infinity ? this.spec.openDurationMs : Math.ceil(ms);
    return { kind: 'Rejection', retryAfterMs };
  }

  private judgeRampUp(rampUp: RampUp, now: number): BreakerRejection | undefined {
    const duration = this.held === 'Closed' ? 0 : (this.spec.rampUpMs ?? 0);
    const admitted = rampUp.admits(duration, this.inFlight, now);
    if (!rampUp.active) {
      this.rampUp = undefined;
      this.note();
    }
    return admitted ? undefined : SOON;
  }

  private recordCall(outcome: Outcome, slow: boolean, now: number): void {
    const reason = this.trip.record(outcome, slow, now);
    if (reason === undefined) return;
    if (this.held === 'Closed' && this.overridden(now) === 'Closed') return;
    this.open(0, reason, now);
  }

  private recordProbe(outcome: Outcome, slow: boolean, now: number): void {
    if (outcome.vote === 'failure') {
      this.open(this.reopened + 1, `probe failed (${outcome.class})`, now);
      return;
    }
    if (slow && this.trip.judgesSlowness) {
      const reason = `probe slower than ${this.trip.slowerThanMs / 1000}s`;
      this.open(this.reopened + 1, reason, now);
      return;
    }
    this.successes += 1;
    const needed = this.spec.halfOpen.successThreshold;
    if (this.successes < needed) return;
    this.close(`${needed} of ${needed} probes succeeded`, now);
    if ((this.spec.rampUpMs ?? 0) > 0) this.rampUp = new RampUp(now);
    this.note();
  }

  /** Puts the override in force, or ends it. */
  private heed(now: number): void {
    const wanted = this.overridden(now);
    const { held } = this;
    if (wanted === held) return;
    this.held = wanted;
    const { override } = this.spec;
    const why = override?.reason === undefined ? 'override' : `override: ${override.reason}`;
    if (wanted === 'Closed') this.close(why, now);
    else if (wanted === 'Open' && this.current !== 'Open') this.open(0, why, now);
    else if (held === 'Open' && this.current === 'Open') {
      this.transition('HalfOpen', override ? 'override expired' : 'override removed', now);
    }
  }

  private open(reopened: number, reason: string, now: number): void {
    this.reopened = reopened;
    this.openedAt = now;
    this.transition('Open', reason, now);
  }

  private close(reason: string, now: number): void {
    this.trip.reset();
    this.rampUp = undefined;
    this.note();
    if (this.current !== 'Closed') this.transition('Closed', reason, now);
  }

  private transition(to: CircuitState, reason: string, now: number): void {
    const from = this.current;
    this.current = to;
    this.begin();
    this.note();
    this.onTransition?.({ from, to, reason, at: now });
  }

  /** What was granted before has no vote any more. */
  private begin(): void {
    this.cells[this.at + GENERATION]! += 1;
    this.cells[this.at + IN_FLIGHT] = 0;
    this.successes = 0;
  }

  /** Notes whether every call is let through; to be called when something of that changes. */
  private note(): void {
    const all = this.current === 'Closed' && !this.mayOverride && this.rampUp === undefined;
    this.cells[this.at + LETS_ALL] = all ? 1 : 0;
  }

  private get generation(): number {
    return this.cells[this.at + GENERATION]!;
  }

  private get inFlight(): number {
    return this.cells[this.at + IN_FLIGHT]!;
  }

  private deadline(): number {
    const { openDurationMs, maxOpenDurationMs, override } = this.spec;
    if (this.held === 'Open') return override?.until ?? Infinity;
    return this.openedAt + Math.min(openDurationMs * 2 ** this.reopened, maxOpenDurationMs);
  }
}

/** A call votes at its end; a half-open probe at its first token, if that is earlier. */
class CallPermit implements BreakerPermit {
  readonly kind = 'Permit';
  private readonly breaker: Breaker;
  private generation: number;
  private readonly began: number;
  private firstTokenAt: number | undefined;
  private settled = false;

  constructor(breaker: Breaker, generation: number, now: number) {
    this.breaker = breaker;
    this.generation = generation;
    this.began = now;
  }

  firstToken(now: number): void {
    // A call of a closed circuit is judged as a whole: a stream that breaks off is a failure.
    this.firstTokenAt ??= now;
    if (this.breaker.isProbe(this.generation)) this.settle(OK, now);
  }

  settle(outcome: Outcome, now: number): void {
    if (this.settled) return;
    this.settled = true;
    this.breaker.record(this.generation, outcome, (this.firstTokenAt ?? now) - this.began, now);
  }
}

/** Milliseconds as seconds for reading: 60s, 1.5s, 0.2s. Rounded down, so that a timer that is late by a moment does not show. */
function seconds(ms: number): string {
  const step = ms < 10_000 ? 100 : 1000;
  return `${(Math.floor(ms / step) * step) / 1000}s`;
}
