import { sameSpec } from './breakerSpec.ts';
import { Jitter, opened } from './jitter.ts';
import { OK } from './outcome.ts';
import { RampUp } from './rampUp.ts';
import type { MustStay } from './recentCalls.ts';
import { Trip } from './trip.ts';
import type { BreakerSpec, Override } from './breakerSpec.ts';
import type { FleetOrder, FleetProbe } from './fleetOrder.ts';
import type { Failure, Outcome } from './outcome.ts';
import type { TripCounts } from './trip.ts';

export type CircuitState = 'Closed' | 'HalfOpen' | 'Open';

/** A change of state. `at` is on the clock of the caller. */
export interface BreakerTransition {
  from: CircuitState;
  to: CircuitState;
  reason: string;
  at: number;
}

export interface BreakerRejection {
  readonly kind: 'Rejection';
  /** Whole milliseconds until another attempt makes sense. */
  readonly retryAfterMs: number;
}

/** What outlives the process. Times are relative, because clocks do not outlive it. */
export interface BreakerSnapshot {
  state: CircuitState;
  /** Time since it last opened. */
  openForMs: number;
  /** Time since it closed; only of a closed circuit. */
  closedForMs?: number;
  reopened: number;
  /** How far the open duration in force is lengthened, from 0 to 1; absent: 0. */
  spread?: number;
  /** Whether an override held it open. */
  held: boolean;
}

const SOON_MS = 1000;

/** While the circuit ramps up, the next call may be admitted at any moment. */
const SOON: BreakerRejection = { kind: 'Rejection', retryAfterMs: SOON_MS };

/** While probes run, the next call may be admitted at any moment. */
const PROBING: BreakerRejection = { ...SOON };

/** Generation of a call without a vote: one that only the shadow mode admitted. */
export const NO_VOTE = -1;

/** Generation of a call that waits for the outcome of the probes. It is always stale. */
export const AWAITING_PROBES = -2;

/**
 * Circuit breaker: Closed → Open → HalfOpen → Closed (Nygard, Release It!; half-open permits as in
 * resilience4j). It has no timer and reads no clock: every method takes `now`, in milliseconds of a
 * clock that never goes back. Each transition starts a new generation. A call votes in the
 * generation that admitted it, or not at all.
 */
export class Breaker {
  /** Calls rejected so far; in shadow mode, calls that would have been. */
  rejections = 0;
  #spec: BreakerSpec;
  readonly #onTransition: ((transition: BreakerTransition) => void) | undefined;
  readonly #jitter: Jitter;
  #current: CircuitState = 'Closed';
  #generation = 0;
  /**
   * Calls of this generation that have not ended. While half-open, these are the probes, without
   * those whose first token has come.
   */
  #inFlight = 0;
  /** Probes whose first token has come and that have not ended. */
  #streaming = 0;
  readonly #trip: Trip;
  /** Set while the circuit ramps up. */
  #rampUp: RampUp | undefined;
  /** State that an override holds the circuit in. */
  #held: Override['state'] | undefined;
  /** What the fleet's leader orders; undefined while the circuit decides alone. */
  #order: FleetOrder | undefined;
  /** The last grant of a probe for the fleet. */
  #granted: FleetProbe | undefined;
  #openedAt = 0;
  /** How far the open duration is lengthened, drawn when it opens. */
  #spread = 0;
  /** How often a failed probe has doubled the open duration. Time in the closed state takes it back. */
  #reopened = 0;
  #closedAt = 0;
  /** Successful probes in a row since the circuit became half-open. */
  #successes = 0;
  /** All probes that have voted since then, and those of them that succeeded. */
  #probes = { calls: 0, served: 0 };

  /** Calls `onTransition` when the new state is in force; it must not throw. */
  constructor(
    spec: BreakerSpec,
    now: number,
    onTransition?: (transition: BreakerTransition) => void,
    jitter = new Jitter(),
  ) {
    this.#spec = spec;
    this.#jitter = jitter;
    this.#trip = new Trip(spec.trip);
    this.#onTransition = onTransition;
    this.advance(now);
  }

  /**
   * Admits one call and returns the generation to `record` it in, or rejects it. A call that can
   * wait gets AWAITING_PROBES while other calls probe; it asks again after their outcome.
   */
  acquire(now: number, canWait = false): number | BreakerRejection {
    const rejection = this.#check(now);
    if (rejection === undefined) {
      this.#inFlight += 1;
      return this.#generation;
    }
    const waits = canWait && rejection === PROBING && this.#spec.shadow !== true;
    return waits ? AWAITING_PROBES : this.#reject(rejection);
  }

  /** Admits one call that has no vote, such as one that lists models. Only an override rejects it. */
  acquireWithoutVote(now: number): number | BreakerRejection {
    this.advance(now);
    const rejection = this.#held === 'Open' ? this.#check(now) : undefined;
    return rejection === undefined ? NO_VOTE : this.#reject(rejection);
  }

  /**
   * Replaces the spec and keeps all state. The deadline of an open circuit counts again from when
   * it opened; thresholds apply from the next `record` on. An equal spec changes nothing.
   */
  apply(spec: BreakerSpec, now: number): void {
    if (sameSpec(this.#spec, spec)) return;
    this.advance(now);
    this.#spec = spec;
    this.#trip.apply(spec.trip);
    this.advance(now);
  }

  /** Closes the circuit, unless an override holds it open, and forgets all calls before. */
  reset(reason: string, now: number): void {
    this.advance(now);
    if (this.#held === 'Open') return;
    this.#order = undefined;
    this.#reopened = 0;
    this.#trip.reset();
    this.#close(reason, now);
  }

  /**
   * Follows an order of the fleet's leader. A probe that runs ends under the order that it began with.
   * An override takes precedence.
   */
  follow(order: FleetOrder, now: number): void {
    this.advance(now);
    if (this.#held !== undefined) return;
    if (this.fleetProbe()?.outcome === 'Running') {
      this.#order = { ...order, state: 'Probe' };
      return;
    }
    const probes = this.#mayProbe(order);
    if (!probes) this.#forgetGrant();
    this.#order = probes ? order : { ...order, state: 'Open' };
    if (probes ? this.#current === 'Closed' : this.#current !== 'Open') {
      this.#open(this.#decayed(now), `by the fleet: ${order.reason}`, now);
    }
    if (!probes || this.#current !== 'Open') return;
    this.#transition('HalfOpen', 'by the fleet: this pod probes', now);
  }

  /** The fleet has closed. A circuit that follows no order keeps its own state. */
  release(reason: string, now: number): void {
    this.advance(now);
    if (this.#order === undefined) return;
    this.#order = undefined;
    this.#reopened = 0;
    this.#close(`by the fleet: ${reason}`, now);
  }

  /** Makes the circuit decide alone, from its current state. */
  leaveFleet(): void {
    this.#order = undefined;
    this.#forgetGrant();
  }

  /** The order in force at this time, if any. */
  orderAt(now: number): FleetOrder | undefined {
    return this.#order !== undefined && now < this.#order.until ? this.#order : undefined;
  }

  /** Result of the last probe that the leader granted. */
  fleetProbe(): FleetProbe | undefined {
    const granted = this.#granted;
    if (granted === undefined || isOver(granted)) return granted;
    const runs = this.#current === 'HalfOpen' && this.#inFlight + this.#streaming > 0;
    return { ...granted, outcome: runs ? 'Running' : 'Waiting' };
  }

  /** What the rules of the trip have counted. */
  tally(now: number): TripCounts {
    return this.#trip.counts(now);
  }

  /** Makes the transitions that are due by time alone. */
  advance(now: number): void {
    if (this.#order !== undefined && now >= this.#order.until) this.leaveFleet();
    if (this.overridden(now) !== this.#held) this.#followOverride(now);
    if (this.#current !== 'Open' || now < this.#deadline()) return;
    this.#transition('HalfOpen', `open for ${seconds(now - this.#openedAt)}`, now);
  }

  /** The state at this time. Changes nothing. */
  state(now: number): CircuitState {
    return this.#current === 'Open' && now >= this.#deadline() ? 'HalfOpen' : this.#current;
  }

  /** Whether the state admits a call at this time. During the ramp-up `acquire` can still reject. */
  admits(now: number): boolean {
    if (this.#spec.shadow === true) return true;
    const state = this.state(now);
    if (state !== 'HalfOpen') return state === 'Closed';
    // While `current` is still Open, `inFlight` counts calls of an earlier state.
    return this.#current !== 'HalfOpen' || this.#hasProbePlace();
  }

  /** Whether a call would have to wait for the outcome of the probes. */
  isProbing(): boolean {
    return this.#current === 'HalfOpen' && !this.#hasProbePlace() && this.#spec.shadow !== true;
  }

  /** The same for a call without a vote. */
  admitsWithoutVote(now: number): boolean {
    return this.#spec.shadow === true || this.overridden(now) !== 'Open';
  }

  /** When the state changes without traffic; undefined if it does not. */
  nextDeadline(now: number): number | undefined {
    if (this.state(now) !== 'Open') return undefined;
    const deadline = this.#deadline();
    return deadline === Infinity ? undefined : deadline;
  }

  /** State of the override in force at this time, if any. */
  overridden(now: number): Override['state'] | undefined {
    const { override } = this.#spec;
    return override && now < (override.until ?? Infinity) ? override.state : undefined;
  }

  /** Whether this failure is of a class in `failureOn`. */
  counts(outcome: Outcome): outcome is Failure {
    return outcome.vote === 'failure' && this.#spec.failureOn.includes(outcome.class);
  }

  /** Whether a transition has happened since the call was admitted. */
  isStale(generation: number): boolean {
    return generation !== NO_VOTE && generation !== this.#generation;
  }

  /** The first token came. A probe that answers gives its place to the next one. */
  firstToken(generation: number): void {
    if (generation !== this.#generation || this.#current !== 'HalfOpen') return;
    this.#inFlight -= 1;
    this.#streaming += 1;
  }

  /**
   * Counts an answer that has flowed long enough as a success before its end. Only a probe votes here;
   * other calls vote at their end. Returns the generation to `record` the end in.
   */
  lasted(generation: number, ms: number, now: number): number {
    if (generation !== this.#generation || this.#current !== 'HalfOpen') return generation;
    this.record(generation, OK, ms, now, true);
    return NO_VOTE;
  }

  /**
   * Takes the result of a call that was admitted in `generation`. It took `ms`, up to its first token
   * if `streamed`: after `firstToken`. While `mustStay` holds, no streak opens a closed circuit, and no failed probe a
   * half-open one, unless the fleet's leader granted the probe.
   */
  record(
    generation: number,
    outcome: Outcome,
    ms: number,
    now: number,
    streamed = false,
    mustStay?: MustStay,
  ): void {
    if (generation !== this.#generation) return;
    if (this.#current !== 'HalfOpen' || !streamed) this.#inFlight -= 1;
    else this.#streaming -= 1;
    if (!this.#votes(outcome)) return;
    const slow = outcome.slow === true || ms > (this.#trip.slowerThanMs ?? Infinity);
    if (this.#current === 'HalfOpen') this.#recordProbe(outcome, slow, now, mustStay);
    else this.#recordCall(outcome, slow, now, mustStay);
  }

  /** Whether it equals a new one: closed, at the shortest open duration, without failures. */
  isClean(now: number): boolean {
    const idle = this.#rampUp === undefined && this.#inFlight === 0;
    return (
      this.#current === 'Closed' && idle && this.#decayed(now) === 0 && this.#trip.isClean(now)
    );
  }

  /** What to keep over a restart; undefined for a circuit that is closed and trips for openDuration. */
  snapshot(now: number): BreakerSnapshot | undefined {
    const state = this.state(now);
    const openedAt = this.#openedAt;
    const closedAt = this.#closedAt;
    const reopened = this.#reopened;
    const spread = this.#spread;
    const times = { openForMs: now - openedAt, reopened, spread };
    const saved = { state, ...times, held: this.#held === 'Open' };
    if (state !== 'Closed') return saved;
    return this.#decayed(now) > 0 ? { ...saved, closedForMs: now - closedAt } : undefined;
  }

  /**
   * Continues a state that was saved `ageMs` ago, without `onTransition`, which was called then.
   * Returns false if the state is older than `maxAgeMs` or an override applies.
   */
  restore(saved: BreakerSnapshot, ageMs: number, maxAgeMs: number, now: number): boolean {
    if (ageMs < 0 || ageMs > maxAgeMs || this.#held !== undefined) return false;
    if (!isSound(saved)) return false;
    if (saved.state !== this.#current) this.#enter(saved.state);
    this.#closedAt = now - (saved.closedForMs ?? 0) - ageMs;
    this.#openedAt = now - saved.openForMs - ageMs;
    this.#reopened = saved.reopened;
    this.#spread = saved.spread ?? 0;
    if (saved.held && saved.state === 'Open') this.#held = 'Open';
    this.advance(now);
    return true;
  }

  /** A call that waited for the outcome of the probes was rejected without it. */
  countRejection(): void {
    this.rejections += 1;
  }

  /** Counts a rejection. In shadow mode it has no effect. */
  #reject(rejection: BreakerRejection): number | BreakerRejection {
    this.countRejection();
    return this.#spec.shadow === true ? NO_VOTE : rejection;
  }

  /** Why a call is rejected now; undefined if it is admitted. */
  #check(now: number): BreakerRejection | undefined {
    this.advance(now);
    if (this.#current === 'Closed') return this.#rampUp && this.#checkRampUp(this.#rampUp, now);
    if (this.#current === 'HalfOpen') {
      return this.#hasProbePlace() ? undefined : PROBING;
    }
    if (this.#order !== undefined) {
      return { kind: 'Rejection', retryAfterMs: Math.max(SOON_MS, this.#order.retryAt - now) };
    }
    const ms = this.#deadline() - now;
    const retryAfterMs = ms === Infinity ? this.#spec.openDurationMs : Math.ceil(ms);
    return { kind: 'Rejection', retryAfterMs };
  }

  /**
   * Each success lets one more probe run at a time, up to as many as are still needed. While the probes whose
   * first token has come are enough to close the circuit, no further one begins. For a fleet one
   * probe runs after the other, so that at most one fails.
   */
  #hasProbePlace(): boolean {
    const { maxProbes, successThreshold } = this.#spec.halfOpen;
    const successes = this.#successes;
    const streaming = this.#streaming;
    if (this.#order !== undefined) return this.#inFlight + streaming === 0;
    const needed = successThreshold - successes - streaming;
    if (streaming > 0 && needed <= 0) return false;
    return this.#inFlight < Math.max(maxProbes, Math.min(maxProbes + successes, needed));
  }

  #checkRampUp(rampUp: RampUp, now: number): BreakerRejection | undefined {
    const duration = this.#held === 'Closed' ? 0 : (this.#spec.rampUpMs ?? 0);
    const admitted = rampUp.admits(duration, this.#inFlight, now);
    if (!rampUp.active) this.#rampUp = undefined;
    return admitted ? undefined : SOON;
  }

  /** Whether a call says anything about the dependency. An abandoned call can say that it was slow. */
  #votes(outcome: Outcome): boolean {
    if (outcome.vote === 'ignored') return outcome.slow === true;
    return outcome.vote === 'ok' || this.counts(outcome);
  }

  #recordCall(outcome: Outcome, slow: boolean, now: number, mustStay?: MustStay): void {
    const reason = this.#trip.record(outcome, slow, now, mustStay);
    if (reason === undefined) return;
    if (this.#held === 'Closed' && this.overridden(now) === 'Closed') return;
    this.#open(this.#decayed(now), reason, now);
  }

  #recordProbe(outcome: Outcome, slow: boolean, now: number, mustStay?: MustStay): void {
    if (outcome.vote === 'failure') {
      this.#recordFailedProbe(outcome, now, mustStay);
      return;
    }
    if (slow && this.#trip.slowerThanMs !== undefined) {
      this.#probeFailed(`probe slower than ${this.#trip.slowerThanMs / 1000}s`, now);
      return;
    }
    if (outcome.vote === 'ignored') return;
    this.#probes.calls += 1;
    this.#probes.served += 1;
    this.#successes += 1;
    const needed = this.#spec.halfOpen.successThreshold;
    if (this.#successes < needed) return;
    const forFleet = this.#order !== undefined;
    const reason = `${this.#byFleet()}${needed} of ${needed} probes succeeded`;
    this.#endProbe('Succeeded');
    this.#order = undefined;
    this.#close(reason, now);
    // A fleet ramps up by pods, and this is the first one.
    if (!forFleet && (this.#spec.rampUpMs ?? 0) > 0) this.#rampUp = new RampUp(now);
  }

  #recordFailedProbe(outcome: Failure, now: number, mustStay?: MustStay): void {
    this.#successes = 0;
    this.#probes.calls += 1;
    if (this.#order === undefined && mustStay?.(this.#probes) === true) return;
    this.#probeFailed(`probe failed (${outcome.class})`, now);
  }

  #probeFailed(cause: string, now: number): void {
    const reason = this.#byFleet() + cause;
    this.#endProbe('Failed');
    this.#reopened += 1;
    // Stays open under the order until the leader knows the result.
    if (this.#order !== undefined) {
      this.#order = { ...this.#order, state: 'Open', retryAt: now + this.#duration() };
    }
    this.#open(this.#reopened, reason, now);
  }

  #byFleet(): string {
    return this.#order === undefined ? '' : 'by the fleet: ';
  }

  #endProbe(outcome: FleetProbe['outcome']): void {
    if (this.#granted !== undefined && !isOver(this.#granted)) {
      this.#granted = { ...this.#granted, outcome };
    }
  }

  /** Drops an unused grant. */
  #forgetGrant(): void {
    if (this.fleetProbe()?.outcome === 'Waiting') this.#granted = undefined;
  }

  /** Takes the grant of an order; false if it has none or it is used. */
  #mayProbe({ state, grant }: FleetOrder): boolean {
    if (state !== 'Probe' || grant === undefined) return false;
    if (this.#granted?.grant === grant) return !isOver(this.#granted);
    this.#granted = { grant, outcome: 'Waiting' };
    return true;
  }

  /** Applies the begin or end of an override. */
  #followOverride(now: number): void {
    const before = this.#held;
    this.#held = this.overridden(now);
    if (this.#held !== undefined) this.#order = undefined;
    const { override } = this.#spec;
    const reason = override?.reason === undefined ? 'override' : `override: ${override.reason}`;
    if (this.#held === 'Closed') {
      this.#reopened = 0;
      this.#trip.reset();
      this.#close(reason, now);
    } else if (this.#held === 'Open' && this.#current !== 'Open') this.#open(0, reason, now);
    else if (before === 'Open' && this.#current === 'Open') {
      this.#transition('HalfOpen', override ? 'override expired' : 'override removed', now);
    }
  }

  #open(reopened: number, reason: string, now: number): void {
    this.#reopened = reopened;
    this.#openedAt = now;
    this.#spread = this.#jitter.share();
    this.#transition('Open', reason, now);
  }

  #close(reason: string, now: number): void {
    this.#trip.closed();
    this.#rampUp = undefined;
    this.#closedAt = now;
    if (this.#current !== 'Closed') this.#transition('Closed', reason, now);
  }

  /** A grown open duration halves for each openDuration in the closed state. */
  #decayed(now: number): number {
    const halvings = Math.floor((now - this.#closedAt) / this.#spec.openDurationMs);
    return Math.max(0, this.#reopened - halvings);
  }

  #transition(to: CircuitState, reason: string, now: number): void {
    const from = this.#current;
    this.#enter(to);
    this.#onTransition?.({ from, to, reason, at: now });
  }

  #enter(state: CircuitState): void {
    this.#current = state;
    this.#generation += 1;
    this.#inFlight = 0;
    this.#streaming = 0;
    this.#successes = 0;
    this.#probes = { calls: 0, served: 0 };
  }

  #deadline(): number {
    const { override } = this.#spec;
    if (this.#held === 'Open') return override?.until ?? Infinity;
    const own = this.#openedAt + opened(this.#duration(), this.#spread);
    return this.#order === undefined ? own : Math.max(own, this.#order.until);
  }

  #duration(): number {
    const { openDurationMs, maxOpenDurationMs } = this.#spec;
    return Math.min(openDurationMs * 2 ** this.#reopened, maxOpenDurationMs);
  }
}

const STATES: ReadonlySet<unknown> = new Set<CircuitState>(['Closed', 'HalfOpen', 'Open']);

/** Largest saved number of doublings; maxOpenDuration bounds them, too. */
const MAX_REOPENED = 64;

/** Whether a process can have saved this. A file is checked as if a stranger had written it. */
function isSound({
  state,
  openForMs,
  closedForMs = 0,
  reopened,
  spread = 0,
}: BreakerSnapshot): boolean {
  const times = [openForMs, closedForMs, reopened, spread];
  return (
    STATES.has(state) &&
    times.every((each) => Number.isFinite(each) && each >= 0) &&
    reopened <= MAX_REOPENED &&
    spread <= 1
  );
}

function isOver({ outcome }: FleetProbe): boolean {
  return outcome === 'Failed' || outcome === 'Succeeded';
}

/** Milliseconds for reading: 60s, 1.5s, 0.2s. Rounded down, which hides a slightly late timer. */
function seconds(ms: number): string {
  const step = ms < 10_000 ? 100 : 1000;
  return `${(Math.floor(ms / step) * step) / 1000}s`;
}
