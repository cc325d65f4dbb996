import { AWAITING_PROBES } from '../resilience/breaker.ts';
import { Gates } from '../resilience/gates.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { SuccessRate } from '../resilience/successRate.ts';
import { ConcurrencyLimiter } from './concurrencyLimiter.ts';
import { DEFAULT_HALF_OPEN } from './circuitSpec.ts';
import { UNBOUNDED } from './guardSpec.ts';
import { ModelStates } from './models.ts';
import { acquireAll, BEFORE_BOUNDS, Permit, QueuedPermit } from './permit.ts';
import { ProbeQueue } from './probeQueue.ts';
import { isNothingLeft, isTooLarge } from './providerLimits.ts';
import { RateLimits } from './rateLimits.ts';
import { accountOf, followShares, providerGates, providerUses } from './providerReports.ts';
import type {
  CircuitStatus,
  FleetCircuitOrder,
  GateStatus,
  ProviderGate,
  ProviderLimitShare,
  ProviderShares,
  ProviderUse,
} from '../../contract/generated/types.ts';
import type { GateReason, GateRejection, GateSnapshot, GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { NO_HASH } from './admission.ts';
import type { ActualCost, AskedCall, Availability, Credential, Remaining } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { GuardContext } from './guardContext.ts';
import type { BoundsSpec, DependencySpec } from './guardSpec.ts';
import type { CallKind, CallLimits, ModelState } from './models.ts';
import type { Admission, Bound, Issuer, PermitRefusal, Waiting } from './permit.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';

const NO_CREDENTIAL: Credential = { hash: NO_HASH, mounted: true };

const REASONS = {
  RateLimited: 'RateLimited',
  SpendLimit: 'SpendLimit',
  Unauthorized: 'CredentialRefused',
} as const;

/** Probes can end at any moment. */
const PROBING_MS = 1000;

/** A call that probes no gate. */
const NO_GATES: readonly Gates[] = [];

/** Saved gate of a mounted credential. */
export interface SavedGate extends GateSnapshot {
  dependency: string;
  /** Model of a gate for rate limits. Absent: all models without a state of their own. */
  model?: string;
  /** False for the gate of calls that do not vote. */
  votes?: false;
  /** Hash of the credential. */
  credential: string;
}

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
  rateLimits: RateLimits;
  readonly concurrency: ConcurrencyLimiter;
  /** Calls that balancing takes into account. */
  successes = new SuccessRate();
  readonly #onTransition: OnTransition;
  /** Gates of refused credentials. Gates for rate limits belong to models. */
  #gates: Gates;
  readonly #jitter: Jitter;
  /** Calls that probe gates, and which. */
  readonly #probes = new Map<Permit, readonly Gates[]>();
  /** Calls in flight, including calls that wait. */
  #calls = 0;
  /** Hash of the mounted credential that was used last. */
  #mounted = '';
  /** Provider, address and model that the state belongs to; undefined before the first configuration. */
  of: string | undefined;
  /** Whether the provider has stated a limit. */
  #hasStated = false;
  #bounds: readonly Bound[] = [];
  /** Calls that wait for the outcome of a half-open circuit's probes. */
  readonly #probeQueue: ProbeQueue;

  constructor(name: string, context: GuardContext, onTransition: OnTransition) {
    this.name = name;
    this.context = context;
    this.#onTransition = onTransition;
    this.#jitter = context.jitter(`${name}/gates`);
    this.models = this.#newModels();
    this.#gates = this.#newGates();
    this.concurrency = new ConcurrencyLimiter(name, UNBOUNDED.concurrency, context);
    this.rateLimits = new RateLimits(name, context);
    this.#probeQueue = new ProbeQueue(context, (queued, now) => this.#waitedInVain(queued, now));
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
    this.#gates = this.#newGates();
    this.successes = new SuccessRate();
    this.#probes.clear();
    this.#mounted = '';
    this.#hasStated = false;
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
    if (this.models.apply(spec, now)) this.#openGates();
    this.advance(now);
  }

  /** Continues what another process saved of a circuit. Call it after the gates are restored. */
  restoreCircuit(saved: CircuitSnapshot, age: { ms: number; maxMs: number }, now: number): void {
    const state = this.models.restored(saved.model);
    if (state?.circuit.restore(saved, age, now) === true) this.#openGates();
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
  }

  /** Asks to make one call. Only a call with `asked` waits. Throws once the dependency is removed. */
  acquire(): Admission;
  acquire(asked: AskedCall | undefined): Admission | Waiting;
  acquire(asked?: AskedCall): Admission | Waiting {
    if (!this.present) throw new Error(`the configuration in force has no dependency ${this.name}`);
    const now = this.context.now();
    const credential = asked?.credential ?? NO_CREDENTIAL;
    if (credential.mounted) this.useCredential(credential.hash, now);
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
    if (this.#isGated(credential, of.limits(votes), now)) return { state: 'Shut', calls };
    if (!of.circuit.admits(now, votes)) {
      of.circuit.passOver(now);
      return { state: 'Shut', calls };
    }
    const state = this.concurrency.hasRoom ? 'Usable' : 'Full';
    return votes && of.circuit.isHalfOpen(now) ? { state, calls, probe: true } : { state, calls };
  }

  /** Why a call would not be admitted at once; undefined when it would. Limits are left out, as by `availability`. */
  obstacle(
    { hash, mounted }: Credential,
    { model, votes = true }: CallKind,
  ): Rejection['reason'] | undefined {
    const now = this.context.now();
    const of = this.models.of(model);
    const limits = of.limits(votes);
    const gate = this.#gates.state(hash, now) ?? limits.gates.state(hash, now);
    if (gate) return this.#gateShut(gate.reason, 0).reason;
    if (mounted && limits.stated?.pause(now) !== undefined) return 'RateLimited';
    if (!of.circuit.admits(now, votes)) return 'CircuitBreakerOpen';
    return this.concurrency.hasRoom ? undefined : 'BulkheadFull';
  }

  /** Whether calls are made here: neither gate nor circuit holds them back, not even for a probe. */
  serves({ hash, mounted }: Credential, { model, votes = true }: CallKind): boolean {
    if (!this.present) return false;
    const now = this.context.now();
    const of = this.models.of(model);
    const limits = of.limits(votes);
    if (this.#gates.isShut(hash, now) || limits.gates.isShut(hash, now)) return false;
    if (mounted && limits.stated?.pause(now) !== undefined) return false;
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

  /** A new mounted credential: a shut gate admits a probe with it, stated limits are forgotten. */
  useCredential(hash: string, now: number): void {
    if (hash === this.#mounted) return;
    this.#gates.replace(this.#mounted, hash, now);
    this.models.useCredential(this.#mounted, hash, now);
    this.#mounted = hash;
  }

  /** Learns the limits that the provider states on a kind of call with a credential, given by its hash. Call it at once. */
  learn(
    stated: readonly Remaining[],
    credential: string,
    kind: CallKind = {},
    admittedAt?: number,
  ): void {
    if (!this.present || stated.length === 0 || credential !== this.#mounted) return;
    this.models.stated(kind).learn(stated, this.context.now(), admittedAt);
    this.#holdToStated();
  }

  /** Report on the provider's limits on the mounted credential, for the leader. */
  providerUses(now: number): Pick<ProviderUse, 'limits' | 'gates'> {
    const { name, models } = this;
    const mounted = this.#mounted;
    const account = accountOf(mounted);
    return {
      limits: providerUses(models.all(), { dependency: name, account }, now),
      gates: providerGates(models.all(), { dependency: name, account, mounted }, now),
    };
  }

  /** Applies the leader's shares of the provider's limits on the mounted credential. */
  followProviders({ limits, gates }: Pick<ProviderShares, 'limits' | 'gates'>, now: number): void {
    const isOurs = (each: ProviderGate | ProviderLimitShare): boolean =>
      each.dependency === this.name && each.account === accountOf(this.#mounted);
    const told = { limits: limits.filter(isOurs), gates: gates.filter(isOurs) };
    if (followShares(this.models, told, now)) this.#holdToStated();
  }

  firstToken(permit: Permit, now: number): void {
    this.#leaveGates(permit, true);
    permit.state?.circuit.firstToken(permit.generation);
    this.#probeQueue.advance(now);
  }

  steady(permit: Permit, now: number): void {
    const { state, generation } = permit;
    if (!state) return;
    permit.generation = state.circuit.steady(generation, permit.durationMs(now), now);
    this.#probeQueue.advance(now);
  }

  /**
   * A call was refused for its credential. Shuts a gate, unless chance explains it, and rejects waiting calls that
   * it holds back. Returns the time until the gate admits a call; 0 if it stays open.
   */
  refused(permit: Permit, refusal: PermitRefusal, now: number): number {
    const { reason, ms } = refusal;
    const { credential = NO_CREDENTIAL, model, votes } = permit.asked ?? {};
    const state = permit.state ?? this.models.of(model);
    const limitsRate = reason === 'RateLimited';
    // A 429 is also a failure of the call.
    if (!limitsRate) state.recent.record(false, now);
    if (!concernsGate(permit, refusal)) return 0;
    const gates = limitsRate ? state.limits(votes).gates : this.#gates;
    const probe = this.#refuseProbe(permit, gates);
    const atOnce = this.#shutsAtOnce(permit, refusal);
    const mustStay = (): boolean => credential.mounted && this.#mustStay(permit, state, now);
    const wait = gates.refused(credential.hash, { reason, ms, probe, atOnce, mustStay }, now);
    if (wait === 0) return 0;
    if (credential.mounted && limitsRate) this.context.providers.ask();
    this.recheckWaiting(now);
    return wait;
  }

  /** Whether one refusal is enough. At the last endpoint that can serve a stated time alone is not. */
  #shutsAtOnce({ asked }: Permit, { reason, ms, stated }: PermitRefusal): boolean {
    if (reason !== 'RateLimited' || ms === undefined) return reason === 'SpendLimit';
    return asked?.others?.canServe(this.name) !== false || isNothingLeft(stated);
  }

  /** The gates have refused a call. Returns whether it probed them; it does no more. */
  #refuseProbe(permit: Permit, gates: Gates): boolean {
    const probed = this.#probes.get(permit) ?? NO_GATES;
    if (!probed.includes(gates)) return false;
    this.#probes.set(
      permit,
      probed.filter((each) => each !== gates),
    );
    return true;
  }

  settle(permit: Permit, outcome: Outcome, actual: ActualCost | undefined, now: number): void {
    const served = outcome.vote === 'ok' && !permit.isRefused;
    this.#leaveGates(permit, served);
    const { state, asked } = permit;
    if (served && state !== undefined) this.#accepted(state, asked);
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
  #staying(permit: Permit, state: ModelState, now: number): () => boolean {
    return () => this.#mustStay(permit, state, now);
  }

  /** Whether it is the last endpoint that can serve, and still does. */
  #mustStay(permit: Permit, state: ModelState, now: number): boolean {
    const { others, votes } = permit.asked ?? {};
    if (others === undefined || votes === false) return false;
    const stays = !others.canServe(this.name) && state.serves(permit, now);
    state.keptAt = stays ? now : -Infinity;
    return stays;
  }

  recheck(permit: Permit, now: number): Rejection | undefined {
    const { state, generation } = permit;
    const shut = this.#gateRejection(permit, now);
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

  /** Limits that the provider states, as far as they hold now. */
  providerLimits(now: number): ProviderLimitStatus[] {
    return this.models.all().flatMap((state) => {
      const { model } = state.circuit;
      const which = model === undefined ? {} : { model };
      const stated = state.allLimits().flatMap((limits) => limits.stated ?? []);
      const statuses = stated.flatMap((limits) => limits.status(now, this.context.wallTime));
      return statuses.map(({ dependency, ...status }) => ({ dependency, ...which, ...status }));
    });
  }

  /** The gate of the mounted credential, or else the gate for rate limits that opens last. */
  gate(now: number): GateStatus {
    const shut = this.#gates.state(this.#mounted, now);
    const { state, model } = shut ? { state: shut, model: undefined } : this.#longestPause(now);
    const until = state?.until;
    return {
      dependency: this.name,
      ...(model !== undefined && { model }),
      gate: state?.reason ?? 'None',
      ...(until !== undefined && { until: this.context.wallTime.format(until) }),
    };
  }

  /** What to keep of the mounted credential's gates that are shut. */
  snapshotGates(now: number): SavedGate[] {
    const { name: dependency } = this;
    const credential = this.#mounted;
    const key = this.#gates.snapshot(credential, now);
    const saved: SavedGate[] = key ? [{ dependency, credential, ...key }] : [];
    for (const state of this.models.all()) {
      const { model } = state.circuit;
      const which = model === undefined ? {} : { model };
      const [answers, others] = state.allLimits();
      const gate = answers?.gates.snapshot(credential, now);
      if (gate) saved.push({ dependency, credential, ...which, ...gate });
      const other = others?.gates.snapshot(credential, now);
      if (other) saved.push({ dependency, credential, ...which, votes: false, ...other });
    }
    return saved;
  }

  /**
   * Shuts the gate as it was saved `ageMs` ago. The gate belongs to the credential that was mounted then.
   * A new credential gets a probe, as after any change of the credential.
   */
  restoreGate(saved: SavedGate, ageMs: number, now: number): void {
    const { credential, reason, model, votes } = saved;
    if (this.#mounted !== '' && this.#mounted !== credential) return;
    this.#mounted = credential;
    const gates =
      reason === 'RateLimited' ? this.models.restored(model)?.limits(votes).gates : this.#gates;
    gates?.restore(credential, saved, ageMs, now);
  }

  #holdToStated(): void {
    if (this.#hasStated) return;
    this.#hasStated = true;
    this.#bounds = [...this.#bounds, STATED];
  }

  #applyBounds({ concurrency, limits }: BoundsSpec, now: number): void {
    this.concurrency.apply(concurrency);
    this.rateLimits.apply(limits, concurrency.maxQueued, now);
    // The bulkhead counts calls even without a bound, so that a later bound knows of them.
    const bounds: Bound[] = [this.concurrency];
    if (limits.length > 0) bounds.push(this.rateLimits);
    if (this.#hasStated) bounds.push(STATED);
    this.#bounds = bounds;
  }

  /** A reset of the circuit opens the gates of all credentials and ends the provider's pause. */
  #openGates(): void {
    this.#gates = this.#newGates();
    this.#probes.clear();
    this.models.openGates();
  }

  #newGates(): Gates {
    return new Gates(() => this.context.gates, this.#jitter);
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
    const probed = this.#enterGates(state.limits(asked?.votes).gates, credential.hash, now);
    if ('kind' in probed) return this.#rejected(this.#gateShut(probed.reason, probed.retryAfterMs));
    const canWait = asked !== undefined && asked.immediate !== true && this.#probeQueue.hasRoom;
    const generation = state.circuit.acquire(now, asked?.votes, canWait);
    if (typeof generation === 'object') {
      for (const gates of probed) gates.leave(credential.hash, false);
      return this.#rejected(this.#circuitOpen(state, generation.retryAfterMs));
    }
    this.#calls += 1;
    const permit = new Permit(this, asked, state, generation, now);
    if (probed !== NO_GATES) this.#probes.set(permit, probed);
    if (generation === AWAITING_PROBES) return this.#awaitProbes(permit, now);
    return acquireAll(permit, this.#bounds, now);
  }

  #awaitProbes(permit: Permit, now: number): Waiting {
    const queued = new QueuedPermit(permit, this.#bounds, BEFORE_BOUNDS);
    this.#probeQueue.join(queued, now);
    return queued;
  }

  /** The outcome of the probes came too late for a call. */
  #waitedInVain(queued: QueuedPermit, now: number): void {
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

  /** Admits a call at the gates and returns those that it probes, or rejects it. */
  #enterGates(limits: Gates, hash: string, now: number): GateRejection | readonly Gates[] {
    if (this.#gates.isEmpty && limits.isEmpty) return NO_GATES;
    const probed: Gates[] = [];
    for (const gates of [this.#gates, limits]) {
      const answer = gates.enter(hash, now);
      if (answer === 'Probe') probed.push(gates);
      else if (answer !== 'Open') {
        for (const each of probed) each.leave(hash, false);
        return answer;
      }
    }
    return probed.length === 0 ? NO_GATES : probed;
  }

  #isGated({ hash, mounted }: Credential, limits: CallLimits, now: number): boolean {
    const { stated } = limits;
    if (mounted && stated?.pause(now) !== undefined) {
      stated.passOver(now);
      return true;
    }
    return this.#gates.isShut(hash, now) || limits.gates.isShut(hash, now);
  }

  /** The call has ended or been served; if it probes gates, this decides them. */
  #leaveGates(permit: Permit, served: boolean): void {
    if (this.#probes.size === 0) return;
    const probed = this.#probes.get(permit) ?? NO_GATES;
    this.#probes.delete(permit);
    const { hash } = permit.asked?.credential ?? NO_CREDENTIAL;
    for (const gates of probed) gates.leave(hash, served);
  }

  #accepted(state: ModelState, asked: AskedCall | undefined): void {
    const { gates } = state.limits(asked?.votes);
    if (this.#gates.isEmpty && gates.isEmpty) return;
    const { hash } = asked?.credential ?? NO_CREDENTIAL;
    this.#gates.accepted(hash);
    gates.accepted(hash);
  }

  #gateRejection({ asked }: Permit, now: number): Rejection | undefined {
    const { hash } = asked?.credential ?? NO_CREDENTIAL;
    const { gates } = this.models.of(asked?.model).limits(asked?.votes);
    const shut = this.#gates.state(hash, now) ?? gates.state(hash, now);
    if (shut?.until === undefined) return undefined;
    return this.#gateShut(shut.reason, Math.ceil(shut.until - now));
  }

  /** The pause of any model that ends last, and the model's name. */
  #longestPause(now: number): { state?: GateState; model?: string | undefined } {
    let longest: { state?: GateState; model?: string | undefined } = {};
    const all = this.models.all();
    for (const each of all) {
      const state = each.limits().pause(this.#mounted, now);
      const longer = (state?.until ?? now) >= (longest.state?.until ?? now);
      const model = all.length > 1 ? each.circuit.model : undefined;
      if (state !== undefined && longer) longest = { state, model };
    }
    return longest;
  }

  #rejected(rejection: Rejection): Admission {
    return { kind: 'Rejection', rejection };
  }

  #gateShut(reason: GateReason, retryAfterMs: number): Rejection {
    return { reason: REASONS[reason], target: this.name, retryAfterMs };
  }

  #circuitOpen({ circuit }: ModelState, retryAfterMs: number): Rejection {
    const { policy } = circuit;
    const rejection = { reason: 'CircuitBreakerOpen' as const, target: this.name, retryAfterMs };
    return policy === undefined ? rejection : { ...rejection, policy };
  }
}

/** Whether a refusal says something about later calls with the credential. */
function concernsGate({ asked }: Permit, { reason, stated }: PermitRefusal): boolean {
  const { hash, mounted } = asked?.credential ?? NO_CREDENTIAL;
  // All clients without a credential would share one gate, so none of them shuts it.
  if (!mounted && hash === NO_HASH) return false;
  return reason !== 'RateLimited' || !isTooLarge(stated, asked);
}

/** The limits that the provider states. No call waits for them, because others use the same limits. */
const STATED: Bound = {
  acquire: (permit, now) => {
    const stated = permit.state?.limits(permit.asked?.votes).stated;
    const rejection = stated?.acquire(permit.asked, now);
    if (rejection === undefined) permit.stated = stated;
    return rejection;
  },
  enqueue: () => undefined,
};
