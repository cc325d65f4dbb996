import { Breaker } from '../resilience/breaker.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { AbandonedCalls } from './abandonedCalls.ts';
import type { AbandonedSpec } from './abandonedCalls.ts';
import { breakerSpec, longestWindowMs } from './circuitSpec.ts';
import { FleetCircuit } from './fleetCircuit.ts';
import type {
  BreakerRejection,
  BreakerSnapshot,
  BreakerTransition,
  CircuitState,
} from '../resilience/breaker.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Failure, FailureClass, Outcome } from '../resilience/outcome.ts';
import type { MustStay } from '../resilience/recentCalls.ts';
import type {
  Circuit as CircuitConfiguration,
  CircuitStatus,
  FleetCircuitOrder,
} from '../../contract/generated/types.ts';
import type { CircuitStats } from './stats.ts';
import type { WallTime } from './wallTime.ts';

/** The longest failure message that the status of a policy takes. */
const MAX_MESSAGE = 256;

interface LastFailure {
  class: FailureClass;
  message: string;
  at: number;
}

/** A reset token, and the policy that it belongs to. */
interface ResetToken {
  policy: string | undefined;
  value: string;
}

/** How often the wall clock is compared while an override with an end is in force, in milliseconds. */
const WALL_CHECK_MS = 1000;

/** What of a circuit outlives the process. */
export interface CircuitSnapshot {
  dependency: string;
  /** Absent: the circuit of all models without their own. */
  model?: string;
  /** The policy in force. */
  policy?: string;
  token?: ResetToken;
  breaker?: BreakerSnapshot;
  since?: string;
  reason?: string;
  lastFailure?: { class: FailureClass; message: string; at: string };
}

/** `time` is the wall time of the transition. */
export type OnTransition = (circuit: Circuit, transition: BreakerTransition, time: string) => void;

/** The breaker of one dependency, or of one of its models, with its policy, status and counts. */
export class Circuit {
  readonly dependency: string;
  /** The model whose calls it judges; undefined for the calls of all models without their own. */
  model: string | undefined;
  policy: string | undefined;
  /** Whether it judges the calls of several models. */
  isShared = false;
  /** Calls admitted and not yet settled. */
  inFlight = 0;
  #requests = 0;
  readonly #breaker: Breaker;
  readonly #wallTime: WallTime;
  #since: string;
  #reason: string | undefined;
  #lastFailure: LastFailure | undefined;
  /** Last reset token seen. The token of another policy is not a changed one. */
  #token: ResetToken | undefined;
  #shadow = false;
  /** Set while the policy's scope is the fleet. */
  #fleet: FleetCircuit | undefined;
  readonly #abandoned = new AbandonedCalls();
  #patience = patienceOf(undefined);
  /** Set while the policy has an override with an end, which is a wall time. */
  #ending: CircuitConfiguration | undefined;
  readonly #failures: Partial<Record<FailureClass, number>> = {};
  readonly #transitions: { from: CircuitState; to: CircuitState; count: number }[] = [];

  constructor(
    dependency: string,
    wallTime: WallTime,
    now: number,
    onTransition: OnTransition,
    jitter?: Jitter,
  ) {
    this.dependency = dependency;
    this.#wallTime = wallTime;
    this.#since = wallTime.format(now);
    const transitioned = (transition: BreakerTransition): void => {
      this.#transitioned(transition);
      onTransition(this, transition, this.#since);
    };
    this.#breaker = new Breaker(breakerSpec(undefined, wallTime), now, transitioned, jitter);
  }

  /**
   * Applies a policy, or the defaults if there is none, and keeps all state. Returns whether the
   * policy's reset token has reset the circuit.
   */
  apply(configuration: CircuitConfiguration | undefined, now: number): boolean {
    const before = this.policy;
    this.policy = configuration?.policy;
    this.#shadow = configuration?.mode === 'Shadow';
    this.#patience = patienceOf(configuration);
    this.#ending = configuration?.override?.expiresAt === undefined ? undefined : configuration;
    this.#applyFleet(configuration);
    this.#breaker.apply(breakerSpec(configuration, this.#wallTime), now);
    return this.#applyToken(configuration?.resetToken, before, now);
  }

  /**
   * Admits one call and returns the generation to settle it in, or rejects it. A call that can wait
   * may get AWAITING_PROBES; it counts as in flight.
   */
  acquire(now: number, votes = true, canWait = false): number | BreakerRejection {
    if (this.#ending !== undefined) this.#followWallClock(this.#ending, now);
    this.#requests += 1;
    this.#fleet?.ask(now);
    const breaker = this.#breaker;
    const answer = votes ? breaker.acquire(now, canWait) : breaker.acquireWithoutVote(now);
    if (typeof answer === 'number') this.inFlight += 1;
    return answer;
  }

  /** The same for a waiting call whose generation is over. It does not count as another request. */
  acquireAgain(generation: number, now: number): number | BreakerRejection {
    this.settle(generation, IGNORED, 0, now);
    this.#requests -= 1;
    return this.acquire(now);
  }

  /** Whether the state admits a call now. */
  admits(now: number, votes = true): boolean {
    return votes ? this.#breaker.admits(now) : this.#breaker.admitsWithoutVote(now);
  }

  /** A call goes elsewhere because of its state; for the fleet it is a call that could probe. */
  skipped(now: number): void {
    this.#fleet?.ask(now);
  }

  isHalfOpen(now: number): boolean {
    return this.#breaker.state(now) === 'HalfOpen';
  }

  /** Whether a transition has happened since the call was admitted. */
  isStale(generation: number): boolean {
    return this.#breaker.isStale(generation);
  }

  firstToken(generation: number): void {
    this.#breaker.firstToken(generation);
  }

  /** The answer has flowed long enough. Returns the generation to settle the call in. */
  lasted(generation: number, ms: number, now: number): number {
    return this.#breaker.lasted(generation, ms, now);
  }

  /** Whether a call would have to wait for the outcome of the probes. */
  isProbing(): boolean {
    return this.#breaker.isProbing();
  }

  /** A call that waited for the outcome of the probes was rejected without it. */
  countRejection(): void {
    this.#breaker.countRejection();
  }

  /**
   * Ends a call, which took `ms`, up to its first token if it is `streamed`. Its failure is counted
   * and shown even if it is too late to vote. `mustStay` as of the breaker.
   */
  settle(
    generation: number,
    ended: Outcome,
    ms: number,
    now: number,
    streamed = false,
    mustStay?: MustStay,
  ): void {
    this.inFlight -= 1;
    const outcome = this.#abandoned.voteOf(ended, ms, this.#patience);
    if (this.#breaker.counts(outcome)) this.#countFailure(outcome, now);
    if (outcome.vote !== 'ignored') this.#fleet?.ended(now);
    this.#breaker.record(generation, outcome, ms, now, streamed, mustStay);
  }

  /** Follows the leader of the fleet, if the policy's scope is the fleet. */
  follow(order: FleetCircuitOrder, now: number): void {
    this.#fleet?.follow(order, now);
  }

  /** Whether nothing is lost if a new circuit replaces it. */
  isClean(now: number): boolean {
    return this.inFlight === 0 && this.#breaker.isClean(now);
  }

  /** Closes a circuit that no call has used. */
  close(now: number): void {
    this.#breaker.reset('no call uses it', now);
  }

  advance(now: number): void {
    if (this.#ending !== undefined) this.#followWallClock(this.#ending, now);
    this.#breaker.advance(now);
  }

  /** When `advance` is due; Infinity if the state does not change without traffic. */
  nextDeadline(now: number): number {
    const deadline = this.#breaker.nextDeadline(now) ?? Infinity;
    const checks = this.#ending !== undefined && this.#breaker.overridden(now) !== undefined;
    return checks ? Math.min(deadline, now + WALL_CHECK_MS) : deadline;
  }

  /** The state that an override holds; undefined without one. */
  overridden(now: number): CircuitStatus['overridden'] {
    return this.#breaker.overridden(now);
  }

  status(now: number): CircuitStatus {
    const { policy, model } = this;
    const wallTime = this.#wallTime;
    const lastFailure = this.#lastFailure;
    const reason = this.#reason;
    const deadline = this.#probesAt(now);
    const overridden = this.#breaker.overridden(now);
    const handledResetToken = this.#handledToken();
    return {
      dependency: this.dependency,
      ...(model !== undefined && { model }),
      ...(policy !== undefined && { policy }),
      state: this.#breaker.state(now),
      ...(this.#shadow && { shadow: true }),
      ...(overridden && { overridden }),
      ...(handledResetToken !== undefined && { handledResetToken }),
      ...this.#fleetStatus(now),
      since: this.#since,
      ...(reason !== undefined && { reason }),
      ...(deadline !== undefined && { nextProbe: wallTime.format(deadline) }),
      ...(lastFailure && {
        lastFailure: {
          class: lastFailure.class,
          message: lastFailure.message,
          time: wallTime.format(lastFailure.at),
        },
      }),
    };
  }

  /** When it probes next; undefined if that is not known, or it does not wait for it. */
  #probesAt(now: number): number | undefined {
    const order = this.#breaker.orderAt(now);
    return order?.state === 'Open' ? order.retryAt : this.#breaker.nextDeadline(now);
  }

  #fleetStatus(now: number): Pick<CircuitStatus, 'fleet'> {
    if (this.#fleet === undefined) return {};
    const { model } = this;
    // Without calls so far the pod takes the orders for any model.
    const isShared = this.isShared && this.#requests > 0;
    const of = { ...(model !== undefined && { model }), ...(isShared && { shared: true }) };
    return { fleet: { ...this.#fleet.report(now), ...of } };
  }

  stats(now: number): CircuitStats {
    return {
      dependency: this.dependency,
      state: this.#breaker.state(now),
      requests: this.#requests,
      rejected: this.#breaker.rejections,
      inFlight: this.inFlight,
      failures: { ...this.#failures },
      transitions: this.#transitions.map((each) => ({ ...each })),
      ...(this.#breaker.orderAt(now) && { followsFleet: true }),
    };
  }

  /** What to keep over a restart; undefined if there is nothing. */
  snapshot(now: number): CircuitSnapshot | undefined {
    const breaker = this.#breaker.snapshot(now);
    const { model, policy } = this;
    const token = this.#token;
    const since = this.#since;
    const reason = this.#reason;
    const lastFailure = this.#lastFailure;
    if (!breaker && !token) return undefined;
    return {
      dependency: this.dependency,
      ...(model !== undefined && { model }),
      ...(policy !== undefined && { policy }),
      ...(token && { token }),
      ...(breaker && { breaker, since, ...(reason !== undefined && { reason }) }),
      ...(lastFailure && {
        lastFailure: { ...lastFailure, at: this.#wallTime.format(lastFailure.at) },
      }),
    };
  }

  /**
   * Continues what the process before saved `age.ms` ago. Returns whether the reset token has changed
   * since then and resets the circuit.
   */
  restore(saved: CircuitSnapshot, age: { ms: number; maxMs: number }, now: number): boolean {
    const { policy, breaker, token, since, reason, lastFailure } = saved;
    const applied = this.#token;
    this.#token = token && token.policy === this.policy ? token : undefined;
    if (breaker && this.#breaker.restore(breaker, age.ms, age.maxMs, now)) {
      if (this.#breaker.state(now) === breaker.state && since !== undefined) {
        this.#since = since;
        this.#reason = reason;
      }
      if (lastFailure) {
        this.#lastFailure = { ...lastFailure, at: this.#wallTime.parse(lastFailure.at) };
      }
    }
    return this.#applyToken(applied?.value, policy, now);
  }

  #applyFleet(configuration: CircuitConfiguration | undefined): void {
    if (configuration?.fleet === undefined) {
      if (this.#fleet !== undefined) this.#breaker.leaveFleet();
      this.#fleet = undefined;
      return;
    }
    this.#fleet ??= new FleetCircuit(this.#breaker);
    this.#fleet.apply(longestWindowMs(configuration.trip));
  }

  /** The end of an override is another monotonic time after the wall clock was stepped. */
  #followWallClock(configuration: CircuitConfiguration, now: number): void {
    this.#breaker.apply(breakerSpec(configuration, this.#wallTime), now);
  }

  /**
   * A changed reset token closes the circuit once. The first token of a policy does so if the policy
   * was in force before without one; a token that comes with its policy resets nothing.
   */
  #applyToken(value: string | undefined, before: string | undefined, now: number): boolean {
    if (value === undefined) return false;
    const handled = this.#handledToken();
    this.#token = { policy: this.policy, value };
    const inForce = before !== undefined && before === this.policy;
    const changed = handled === undefined ? inForce : handled !== value;
    if (changed) this.#breaker.reset('reset token changed', now);
    return changed;
  }

  #handledToken(): string | undefined {
    return this.#token && this.#token.policy === this.policy ? this.#token.value : undefined;
  }

  #countFailure(failure: Failure, now: number): void {
    this.#failures[failure.class] = (this.#failures[failure.class] ?? 0) + 1;
    const message = failure.message.slice(0, MAX_MESSAGE);
    this.#lastFailure = { class: failure.class, message, at: now };
  }

  #transitioned({ from, to, reason, at }: BreakerTransition): void {
    this.#since = this.#wallTime.format(at);
    this.#reason = reason;
    const known = this.#transitions.find((each) => each.from === from && each.to === to);
    if (known) known.count += 1;
    else this.#transitions.push({ from, to, count: 1 });
  }
}

function patienceOf(configuration: CircuitConfiguration | undefined): AbandonedSpec {
  return {
    slowerThanMs: configuration?.trip.slowCalls?.slowerThanMs ?? Infinity,
    abandonedAfterMs: configuration?.abandonedAfterMs ?? Infinity,
  };
}
