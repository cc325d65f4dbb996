import { Gates } from '../resilience/gates.ts';
import { RECENT_MS, RecentCalls } from '../resilience/recentCalls.ts';
import { Circuit } from './circuit.ts';
import { ProviderLimits } from './providerLimits.ts';
import { sumStats } from './stats.ts';
import type { CircuitStatus } from '../../contract/generated/types.ts';
import type { GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { AskedCall } from './admission.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { GuardContext } from './guardContext.ts';
import type { DependencySpec } from './guardSpec.ts';
import { OpenCalls } from './openCalls.ts';
import type { OpenCall } from './openCalls.ts';
import type { CircuitStats } from './stats.ts';

/** A longer name gets no state of its own, because clients choose the names. */
const MAX_MODEL_LENGTH = 256;

/** The parts of a call that decide which limits of a provider apply. */
export type CallKind = Pick<AskedCall, 'model' | 'votes'>;

/** How a provider limits one kind of call. */
export class CallLimits {
  /** Gates that a 429 shuts, by credential. */
  gates: Gates;
  /** Undefined until the provider states a limit. */
  stated: ProviderLimits | undefined;
  readonly #newGates: () => Gates;

  constructor(newGates: () => Gates) {
    this.#newGates = newGates;
    this.gates = newGates();
  }

  /** Opens the gates and forgets the stated limits. */
  open(): void {
    this.gates = this.#newGates();
    this.stated?.forget();
  }

  /** Why calls with the mounted credential have to wait; undefined if they need not. */
  pause(mounted: string, now: number): GateState | undefined {
    return this.gates.state(mounted, now) ?? this.stated?.pause(now);
  }

  isClean(now: number): boolean {
    return this.gates.isClean(now) && this.stated?.pause(now) === undefined;
  }
}

/** State of a dependency for one model, or for all models without a state of their own. */
export class ModelState {
  readonly circuit: Circuit;
  /** When a call last asked for it; -Infinity before the first. */
  usedAt = -Infinity;
  /** Calls that ended, with refused ones. */
  readonly recent = new RecentCalls();
  /** Calls that vote and have not ended. */
  readonly open = new OpenCalls();
  /** Limits on calls that vote. */
  readonly #answers: CallLimits;
  /** Limits on other calls, such as counts of tokens: providers limit them separately. */
  #others: CallLimits | undefined;
  /** Whether a call was ever served. */
  succeeded = false;
  /** When it was last left in use only because no other endpoint could serve. */
  keptAt = -Infinity;

  readonly #newGates: () => Gates;

  constructor(circuit: Circuit, newGates: () => Gates) {
    this.circuit = circuit;
    this.#newGates = newGates;
    this.#answers = new CallLimits(newGates);
  }

  /** The limits on calls that vote, or on those that do not. */
  limits(votes = true): CallLimits {
    return votes ? this.#answers : (this.#others ??= new CallLimits(this.#newGates));
  }

  allLimits(): CallLimits[] {
    return this.#others === undefined ? [this.#answers] : [this.#answers, this.#others];
  }

  /**
   * Whether calls are served, although this one has failed: enough of the recent ones were, or an earlier one is
   * unanswered, because refusals outrun answers.
   */
  serves({ before }: OpenCall, now: number): boolean {
    return this.recent.serve(now) || (before !== undefined && before.grantedAt >= now - RECENT_MS);
  }

  /** Calls admitted and not yet settled. */
  get inFlight(): number {
    return this.circuit.inFlight;
  }

  status(now: number): CircuitStatus {
    const status = this.circuit.status(now);
    if (status.state !== 'Closed' || now - this.keptAt > RECENT_MS) return status;
    const { calls, served } = this.recent.counts(now);
    return { ...status, servedPercent: Math.floor((100 * served) / Math.max(1, calls)) };
  }

  /** Whether nothing is lost if a new state replaces it. */
  isClean(now: number): boolean {
    return this.circuit.isClean(now) && this.allLimits().every((limits) => limits.isClean(now));
  }
}

/**
 * The state of one dependency by model, from a model's first call on, because providers limit and fail by model. Names
 * of models for which there is no room (CircuitRoom) share one state, with calls that name none. A dependency for
 * which the client does not choose the model has that state alone.
 */
export class ModelStates {
  readonly #dependency: string;
  readonly #context: GuardContext;
  /** Spreads gates and pauses. */
  readonly #jitter: Jitter;
  readonly #onTransition: OnTransition;
  #spec: Pick<DependencySpec, 'circuit' | 'models'> = { circuit: undefined, models: 'One' };
  readonly #own = new Map<string, ModelState>();
  /** Undefined while no call needs it. */
  #shared: ModelState | undefined;
  /** Sums of the counts of removed states. */
  #gone: CircuitStats | undefined;

  constructor(
    dependency: string,
    context: GuardContext,
    jitter: Jitter,
    onTransition: OnTransition,
  ) {
    this.#dependency = dependency;
    this.#context = context;
    this.#jitter = jitter;
    this.#onTransition = onTransition;
    this.#shared = this.#create();
  }

  /** Replaces the policy in every state. Returns whether its reset token has reset a circuit. */
  apply(spec: DependencySpec, now: number): boolean {
    this.#spec = spec;
    for (const { circuit } of this.all()) circuit.isShared = this.#isShared(circuit);
    const resets = this.all().map(({ circuit }) => circuit.apply(spec.circuit, now));
    return resets.includes(true);
  }

  /** Opens the gates of all models and forgets their stated limits. */
  openGates(): void {
    for (const limits of this.all().flatMap((state) => state.allLimits())) limits.open();
  }

  /** Frees the room of all its states. */
  close(): void {
    for (const state of this.#own.values()) this.#context.room.remove(state);
  }

  /** The state that judges calls for a model. */
  of(model: string | undefined): ModelState {
    if (model === undefined || this.#spec.models === 'One') return this.#any();
    return this.#own.get(model) ?? this.#added(model) ?? this.#any();
  }

  /** The state for a call that asks for admission. Notes its use. */
  use(model: string | undefined, now: number): ModelState {
    const state = this.of(model);
    state.usedAt = now;
    return state;
  }

  /** All states, the shared one first. */
  all(): ModelState[] {
    const shared = this.#shared ?? (this.#own.size === 0 ? this.#any() : undefined);
    return shared === undefined ? [...this.#own.values()] : [shared, ...this.#own.values()];
  }

  has(circuit: Circuit): boolean {
    if (this.#shared?.circuit === circuit) return true;
    return circuit.model !== undefined && this.#own.get(circuit.model)?.circuit === circuit;
  }

  /** Makes the transitions that are due, and drops a shared state that no model needs. */
  advance(now: number): void {
    this.#dropShared(now);
    for (const { circuit } of this.all()) {
      circuit.advance(now);
      this.#context.arm(circuit.nextDeadline(now));
    }
    this.#closeUnused(now);
  }

  /** After an override the shared circuit would stay half-open for ever where every call names a model. */
  #closeUnused(now: number): void {
    if (this.#own.size === 0 || this.#shared === undefined) return;
    const { usedAt, circuit } = this.#shared;
    if (usedAt === -Infinity && circuit.isHalfOpen(now)) circuit.close(now);
  }

  /** A new mounted credential: a shut gate admits a probe with it, stated limits are forgotten. */
  useCredential(before: string, hash: string, now: number): void {
    for (const limits of this.all().flatMap((state) => state.allLimits())) {
      limits.gates.replace(before, hash, now);
      limits.stated?.forget();
    }
  }

  /** Stated limits on calls of this kind. */
  stated({ model, votes }: CallKind): ProviderLimits {
    return this.#statedBy(this.of(model).limits(votes));
  }

  /** Limits on exactly this kind of call; undefined if the kind has no state of its own. */
  only({
    model,
    votes,
  }: CallKind): { limits: CallLimits; stated: () => ProviderLimits } | undefined {
    const state = model === undefined ? this.#withoutModel() : this.#own.get(model);
    if (state === undefined) return undefined;
    const limits = state.limits(votes);
    return { limits, stated: () => this.#statedBy(limits) };
  }

  /** Counts of all circuits, removed ones included, and the worst state. */
  stats(now: number): CircuitStats {
    const each = this.all().map(({ circuit }) => circuit.stats(now));
    return sumStats(this.#gone === undefined ? each : [this.#gone, ...each]);
  }

  snapshot(now: number): CircuitSnapshot[] {
    return this.all().flatMap(({ circuit }) => circuit.snapshot(now) ?? []);
  }

  /** The state in which a saved one continues; undefined without room for it. */
  restored(model: string | undefined): ModelState | undefined {
    if (model === undefined) return this.use(undefined, this.#context.now());
    if (this.#spec.models === 'One') return undefined;
    return this.#own.get(model) ?? this.#added(model);
  }

  /** The state of calls without a model; undefined if there is none. */
  #withoutModel(): ModelState | undefined {
    return this.#own.size === 0 ? this.#any() : this.#shared;
  }

  #statedBy(limits: CallLimits): ProviderLimits {
    return (limits.stated ??= new ProviderLimits(this.#dependency, this.#context, this.#jitter));
  }

  #any(): ModelState {
    return (this.#shared ??= this.#create());
  }

  #create(): ModelState {
    const dependency = this.#dependency;
    const context = this.#context;
    const onTransition = this.#onTransition;
    const now = context.now();
    const jitter = context.jitter(dependency);
    const circuit = new Circuit(dependency, context.wallTime, now, onTransition, jitter);
    // An override in force is no transition of a circuit that begins with it: the guard ignores
    // the transitions of a circuit that is not among these states yet.
    circuit.apply(this.#spec.circuit, now);
    circuit.isShared = this.#isShared(circuit);
    return new ModelState(circuit, () => new Gates(() => context.gates, this.#jitter));
  }

  /** A state for a new model; undefined without room for it. */
  #added(model: string): ModelState | undefined {
    const now = this.#context.now();
    if (model.length > MAX_MODEL_LENGTH || !this.#context.room.claim(now)) return undefined;
    const state = this.#create();
    state.circuit.model = model;
    state.circuit.isShared = false;
    state.usedAt = now;
    this.#own.set(model, state);
    this.#context.room.add(state, () => this.#drop(model, state));
    return state;
  }

  #drop(model: string, { circuit }: ModelState): void {
    this.#own.delete(model);
    this.#retire(circuit);
  }

  #dropShared(now: number): void {
    if (this.#own.size === 0 || this.#shared?.isClean(now) !== true) return;
    this.#retire(this.#shared.circuit);
    this.#shared = undefined;
  }

  #retire(circuit: Circuit): void {
    const last = circuit.stats(this.#context.now());
    this.#gone = sumStats([...(this.#gone === undefined ? [] : [this.#gone]), last]);
  }

  #isShared({ model }: Circuit): boolean {
    return model === undefined && this.#spec.models === 'Many';
  }
}
