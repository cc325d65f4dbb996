import { isDeepStrictEqual } from 'node:util';
import { AWAITING_PROBES } from '../resilience/breaker.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { SuccessRate } from '../resilience/successRate.ts';
import { ConcurrencyLimiter } from './concurrencyLimiter.ts';
import { DEFAULT_HALF_OPEN } from './circuitSpec.ts';
import { UNBOUNDED } from './guardSpec.ts';
import { ModelStates } from './models.ts';
import { acquireAll, BEFORE_BOUNDS, Permit, QueuedPermit } from './permit.ts';
import { ProbeQueue } from './probeQueue.ts';
import { NO_CREDENTIAL, ProviderGates, STATED } from './providerGates.ts';
import { RateLimits } from './rateLimits.ts';
import { serve } from '../resilience/recentCalls.ts';
import type {
  CircuitStatus,
  GateStatus,
  FleetCircuitOrder,
} from '../../contract/generated/types.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { CallCounts, MustStay } from '../resilience/recentCalls.ts';
import type { ActualCost, AskedCall, Availability, Credential, Remaining } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { GuardContext } from './guardContext.ts';
import type { BoundsSpec, DependencySpec } from './guardSpec.ts';
import type { CallKind, ModelState } from './models.ts';
import type { Admission, Bound, Issuer, PermitRefusal, Waiting } from './permit.ts';

/** Probes can end at any moment. */
const PROBING_MS = 1000;

/**
 * The guards around one dependency, in this order: gate, circuit, concurrency, rate limits, limits
 * of the provider. A dependency that leaves the configuration and comes back is the same object. It
 * starts with a new circuit, new gates and new limits, but calls still in flight count in its
 * bulkhead.
 */
export class Dependency implements Issuer {
  readonly name: string;
  readonly context: GuardContext;
  /** Whether the configuration in force has it. */
  present = true;
  models: ModelStates;
  gates: ProviderGates;
  rateLimits: RateLimits;
  readonly concurrency: ConcurrencyLimiter;
  /** Calls that balancing takes into account. */
  successes = new SuccessRate();
  readonly #onTransition: OnTransition;
  readonly #jitter: Jitter;
  /** Calls in flight, including calls that wait. */
  #calls = 0;
  /** Provider, address and model that the state belongs to; undefined before the first configuration. */
  of: string | undefined;
  /** Bounds of calls for which the provider has stated no limit, and of all others. */
  #bounds: readonly Bound[] = [];
  #allBounds: readonly Bound[] = [];
  /** What the listener knows. */
  readonly #published: { gate: GateStatus; overridden: CircuitStatus['overridden'] };
  /** Calls that wait for the outcome of a half-open circuit's probes. */
  readonly #probeQueue: ProbeQueue;

  constructor(name: string, context: GuardContext, onTransition: OnTransition) {
    this.name = name;
    this.context = context;
    this.#onTransition = onTransition;
    this.#published = { gate: { dependency: name, gate: 'None' }, overridden: undefined };
    this.#jitter = context.jitter(`${name}/gates`);
    this.models = this.#newModels();
    this.gates = this.#newGates();
    this.concurrency = new ConcurrencyLimiter(name, UNBOUNDED.concurrency, context);
    this.rateLimits = new RateLimits(name, context);
    this.#probeQueue = new ProbeQueue(context, (queued, now) => this.#expired(queued, now));
  }

  /** The configuration no longer has it. Calls that wait are admitted without its bounds. */
  remove(now: number): void {
    this.present = false;
    this.models.close();
    this.#applyBounds(UNBOUNDED, now);
    this.#releaseWaiting(now);
    this.advance(now);
  }

  /** The configuration has it again. */
  restart(): void {
    this.present = true;
    this.rateLimits = new RateLimits(this.name, this.context);
    this.concurrency.resetStats();
    this.#forget();
  }

  /** Forgets all that was learned of the provider. The user's own limits and calls in flight still count. */
  #beginAnew(now: number): void {
    this.models.close();
    this.#releaseWaiting(now);
    this.#forget();
  }

  #forget(): void {
    this.models = this.#newModels();
    this.gates = this.#newGates();
    this.successes = new SuccessRate();
  }

  /** Calls that wait for probes go on without the circuit, which judges no more. */
  #releaseWaiting(now: number): void {
    for (const queued of this.#probeQueue.clear()) {
      this.#leaveCircuit(queued.permit, now);
      queued.proceed(now);
    }
  }

  apply(spec: DependencySpec, now: number): void {
    if (this.of !== undefined && this.of !== spec.of) this.#beginAnew(now);
    this.of = spec.of;
    this.#applyBounds(spec, now);
    const { queueTimeoutMs: timeoutMs } = spec.circuit?.halfOpen ?? DEFAULT_HALF_OPEN;
    this.#probeQueue.apply({ timeoutMs, maxQueued: spec.concurrency.maxQueued });
    // After the bounds, because a transition is reported; before waiting calls go on.
    if (this.models.apply(spec, now)) this.#reset();
    this.advance(now);
  }

  /** Continues what another process saved of a circuit. Call it after the gates are restored. */
  restoreCircuit(saved: CircuitSnapshot, age: { ms: number; maxMs: number }, now: number): void {
    const state = this.models.restored(saved.model);
    if (state?.circuit.restore(saved, age, now) === true) this.#reset();
  }

  /** Follows the leader of the fleet, and returns the circuit that the order is for. */
  follow(order: FleetCircuitOrder, now: number): CircuitStatus | undefined {
    const circuit = this.models.restored(order.model)?.circuit;
    if (circuit === undefined) return undefined;
    circuit.follow(order, now);
    this.advance(now);
    return circuit.status(now);
  }

  /** Makes the transitions that are due and answers waiting calls that need not wait longer. */
  advance(now: number): void {
    this.models.advance(now);
    this.#probeQueue.advance(now);
    this.concurrency.advance(now);
    this.rateLimits.advance(now);
    if (this.present) this.#publish(now);
  }

  /** Tells of a gate or an override that changed. */
  #publish(now: number): void {
    const { listener } = this.context;
    const gate = this.gates.status(now);
    if (!isDeepStrictEqual(gate, this.#published.gate)) {
      this.#published.gate = gate;
      listener.gate?.(gate);
    }
    const circuit = this.models.all()[0]?.circuit;
    const overridden = circuit?.overridden(now);
    if (overridden !== this.#published.overridden) {
      this.#published.overridden = overridden;
      listener.override?.({ dependency: this.name, policy: circuit?.policy }, overridden);
    }
  }

  #reset(): void {
    this.gates.open();
    const [state] = this.models.all();
    this.context.listener.reset?.({ dependency: this.name, policy: state?.circuit.policy });
  }

  /** Asks to make one call. Only a call with `asked` waits. Throws once the dependency is removed. */
  acquire(): Admission;
  acquire(asked: AskedCall | undefined): Admission | Waiting;
  acquire(asked?: AskedCall): Admission | Waiting {
    if (!this.present) throw new Error(`the configuration in force has no dependency ${this.name}`);
    const now = this.context.now();
    const credential = asked?.credential ?? NO_CREDENTIAL;
    if (credential.mounted) this.gates.useCredential(credential.hash, now);
    return this.#admit(this.models.use(asked?.model, now), asked, credential, now);
  }

  /** How a call would fare; limits are left out, because its cost decides there. */
  availability(
    credential: Credential = NO_CREDENTIAL,
    { model, votes = true }: CallKind = {},
  ): Availability | undefined {
    if (!this.present) return undefined;
    const now = this.context.now();
    const calls = this.#calls;
    const of = this.models.of(model);
    if (this.gates.skips(credential, of.limits(votes), now)) return { state: 'Shut', calls };
    if (!of.circuit.admits(now, votes)) {
      of.circuit.skipped(now);
      return { state: 'Shut', calls };
    }
    const state = this.concurrency.hasRoom ? 'Usable' : 'Full';
    return votes && of.circuit.isHalfOpen(now) ? { state, calls, probe: true } : { state, calls };
  }

  /** Why a call would not be admitted at once; undefined when it would. Limits are left out, as by `availability`. */
  obstacle(
    credential: Credential,
    { model, votes = true }: CallKind,
  ): Rejection['reason'] | undefined {
    const now = this.context.now();
    const of = this.models.of(model);
    const held = this.gates.obstacle(credential, of.limits(votes), now);
    if (held !== undefined) return held;
    if (!of.circuit.admits(now, votes)) return 'CircuitBreakerOpen';
    return this.concurrency.hasRoom ? undefined : 'BulkheadFull';
  }

  /** Whether calls are made here: neither gate nor circuit holds them back, not even for a probe. */
  serves(credential: Credential, { model, votes = true }: CallKind): boolean {
    if (!this.present) return false;
    const now = this.context.now();
    const of = this.models.of(model);
    if (this.gates.isShut(credential, of.limits(votes), now)) return false;
    return of.circuit.admits(now, votes) && !of.circuit.isHalfOpen(now);
  }

  /** Whether a call for a model was served in the last seconds. */
  hasServed({ model }: CallKind): boolean {
    return this.models.of(model).recent.counts(this.context.now()).served > 0;
  }

  /** Whether more than half of the recent calls for a model failed or were refused. */
  mostlyFails({ model }: CallKind): boolean {
    return this.models.of(model).recent.mostlyFail(this.context.now());
  }

  /** Learns the limits that the provider states on a kind of call with a credential, given by its hash. Call it at once. */
  learn(
    stated: readonly Remaining[],
    credential: string,
    kind: CallKind = {},
    admittedAt?: number,
  ): void {
    if (this.present) this.gates.learn(stated, credential, kind, admittedAt);
  }

  firstToken(permit: Permit, now: number): void {
    this.gates.probeEnded(permit, true);
    permit.state?.circuit.firstToken(permit.generation);
    this.#probeQueue.advance(now);
  }

  lasted(permit: Permit, now: number): void {
    const { state, generation } = permit;
    if (!state) return;
    permit.generation = state.circuit.lasted(generation, permit.durationMs(now), now);
    this.#probeQueue.advance(now);
  }

  /**
   * A call was refused for its credential. Shuts a gate, unless chance explains it, and rejects waiting calls that
   * it holds back. Returns the time until the gate admits a call; 0 if it stays open.
   */
  refused(permit: Permit, refusal: PermitRefusal, now: number): number {
    const { credential = NO_CREDENTIAL, model } = permit.asked ?? {};
    const state = permit.state ?? this.models.of(model);
    // A 429 is also a failure of the call.
    if (refusal.reason !== 'RateLimited') state.recent.record(false, now);
    const stays = this.#staying(permit, state, now);
    const mustStay: MustStay = (probes) => credential.mounted && stays(probes);
    const wait = this.gates.refused(permit, refusal, { state, mustStay }, now);
    if (wait === 0) return 0;
    this.recheckWaiting(now);
    this.#publish(now);
    return wait;
  }

  settle(permit: Permit, outcome: Outcome, actual: ActualCost | undefined, now: number): void {
    const served = outcome.vote === 'ok' && !permit.isRefused;
    this.gates.probeEnded(permit, served);
    const { state, asked } = permit;
    if (served && state !== undefined) this.gates.accepted(state, asked);
    // The vote comes first: a waiting call that this one makes room for meets the circuit after it.
    if (state !== undefined) this.#settleCall(permit, state, outcome, now);
    this.rateLimits.settle(permit.reservation, actual, now);
    permit.stated?.settle(asked, actual, now);
    this.concurrency.end(permit, now);
    this.#probeQueue.advance(now);
  }

  #settleCall(permit: Permit, state: ModelState, outcome: Outcome, now: number): void {
    this.#calls -= 1;
    const { asked, generation, streamed } = permit;
    const votes = asked?.votes !== false;
    if (votes && outcome.vote !== 'ignored') state.recent.record(outcome.vote === 'ok', now);
    const failed = outcome.vote === 'failure';
    const mustStay = failed ? this.#staying(permit, state, now) : undefined;
    const ms = permit.durationMs(now);
    state.circuit.settle(generation, outcome, ms, now, streamed, mustStay);
    if (!votes) return;
    state.open.end(permit);
    if (outcome.vote === 'ok') state.succeeded = true;
  }

  /** A function of its own, because a closure costs each call of the function that makes it. */
  #staying(permit: Permit, state: ModelState, now: number): MustStay {
    return (probes) => this.#mustStay(permit, { state, probes }, now);
  }

  /** Whether it is the last endpoint that can serve, and still does. */
  #mustStay(
    permit: Permit,
    { state, probes }: { state: ModelState; probes: CallCounts | undefined },
    now: number,
  ): boolean {
    const { others, votes } = permit.asked ?? {};
    if (others === undefined || votes === false) return false;
    const stays =
      !others.canServe(this.name) && (probes ? serve(probes) : state.serves(permit, now));
    state.keptAt = stays ? now : -Infinity;
    return stays;
  }

  recheck(permit: Permit, now: number): Rejection | undefined {
    const { state, generation } = permit;
    const shut = this.gates.recheck(permit, now);
    if (shut || state?.circuit.isStale(generation) !== true) return shut;
    const again = state.circuit.acquireAgain(generation, now);
    if (typeof again === 'number') {
      permit.generation = again;
      return undefined;
    }
    permit.state = undefined;
    this.#calls -= 1;
    return this.#circuitOpen(state, again.retryAfterMs);
  }

  /** Rejects waiting calls that the gate or the circuit would reject now. */
  recheckWaiting(now: number): void {
    this.concurrency.recheck(now);
    this.rateLimits.recheck(now);
  }

  #applyBounds({ concurrency, limits }: BoundsSpec, now: number): void {
    this.concurrency.apply(concurrency);
    this.rateLimits.apply(limits, concurrency.maxQueued, now);
    // The bulkhead counts calls even without a bound, so that a later bound knows of them.
    const userLimits = limits.length > 0 ? [this.rateLimits] : [];
    this.#bounds = [this.concurrency, ...userLimits];
    this.#allBounds = [...this.#bounds, STATED];
  }

  #newGates(): ProviderGates {
    return new ProviderGates(this.name, this.context, this.models, this.#jitter);
  }

  #newModels(): ModelStates {
    return new ModelStates(this.name, this.context, this.#jitter, this.#onTransition);
  }

  /** Takes a call through gate, circuit and bounds. */
  #admit(
    state: ModelState,
    asked: AskedCall | undefined,
    credential: Credential,
    now: number,
  ): Admission | Waiting {
    const { gates, stated } = state.limits(asked?.votes);
    const probed = this.gates.enter(gates, credential.hash, now);
    if ('reason' in probed) return this.#rejected(probed);
    const canWait = asked !== undefined && asked.immediate !== true && this.#probeQueue.hasRoom;
    const generation = state.circuit.acquire(now, asked?.votes, canWait);
    if (typeof generation === 'object') {
      this.gates.cancel(probed, credential.hash);
      return this.#rejected(this.#circuitOpen(state, generation.retryAfterMs));
    }
    this.#calls += 1;
    const permit = new Permit(this, asked, state, generation, now);
    this.gates.probes(permit, probed);
    if (generation === AWAITING_PROBES) return this.#awaitProbes(permit, now);
    return acquireAll(permit, stated === undefined ? this.#bounds : this.#allBounds, now);
  }

  #awaitProbes(permit: Permit, now: number): Waiting {
    const queued = new QueuedPermit(permit, this.#allBounds, BEFORE_BOUNDS);
    this.#probeQueue.join(queued, now);
    return queued;
  }

  /** The outcome of the probes came too late for a call. */
  #expired(queued: QueuedPermit, now: number): void {
    const { permit } = queued;
    const { deadlineAt = Infinity } = permit.asked ?? {};
    permit.state!.circuit.countRejection();
    const rejection = this.#circuitOpen(permit.state!, PROBING_MS);
    const late = { ...rejection, reason: 'Timeout' as const, retryAfterMs: 0 };
    queued.refuse(deadlineAt <= now ? late : rejection, now);
  }

  /** The circuit does not judge a waiting call any more. */
  #leaveCircuit(permit: Permit, now: number): void {
    permit.state?.circuit.settle(permit.generation, IGNORED, 0, now);
    permit.state = undefined;
    this.#calls -= 1;
  }

  #rejected(rejection: Rejection): Admission {
    return { kind: 'Rejection', rejection };
  }

  #circuitOpen({ circuit }: ModelState, retryAfterMs: number): Rejection {
    const { policy } = circuit;
    const rejection = { reason: 'CircuitBreakerOpen' as const, target: this.name, retryAfterMs };
    return policy === undefined ? rejection : { ...rejection, policy };
  }
}
