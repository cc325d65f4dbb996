import { Gates } from '../resilience/gates.ts';
import { RECENT_MS, RecentCalls } from '../resilience/recentCalls.ts';
import { Circuit } from './circuit.ts';
import { ProviderLimits } from './providerLimits.ts';
import { sumStats } from './stats.ts';
import type { GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Failure, Outcome } from '../resilience/outcome.ts';
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
  /** When a call last asked for it. */
  usedAt = 0;
  /** Calls that ended, with refused ones. */
  readonly recent = new RecentCalls();
  /** Calls that vote and have not ended. */
  readonly open = new OpenCalls();
  /** Limits on calls that vote. */
  readonly #answers: CallLimits;
  /** Limits on other calls, such as counts of tokens: providers limit them separately. */
  #others: CallLimits | undefined;
  /** Model of the first call that voted, and whether another model followed. */
  #user: string | undefined;
  #manyUsers = false;

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

  /** Notes a call that votes, by its model. */
  use(model: string): void {
    if (this.#user === model || this.#manyUsers) return;
    this.#manyUsers = this.#user !== undefined;
    this.#user = model;
    this.circuit.users = this.#manyUsers ? 'Many' : { only: model };
  }

  /**
   * Whether calls are served, although this one has failed: enough of the recent ones were, or an earlier one is
   * unanswered, because refusals outrun answers.
   */
  serves({ before }: OpenCall, now: number): boolean {
    return this.recent.serve(now) || (before !== undefined && before.grantedAt >= now - RECENT_MS);
  }

  /** Whether no other model has used it. */
  isUsedOnlyBy(model: string): boolean {
    return this.#user === model && !this.#manyUsers;
  }

  /** Whether nothing is lost if a new state replaces it. */
  isClean(now: number): boolean {
    return this.circuit.isClean(now) && this.allLimits().every((limits) => limits.isClean(now));
  }
}

/**
 * The state of one dependency by model, because providers limit and fail by model. All models share
 * one state at first. A model gets its own after its first success, if there is room (CircuitRoom);
 * if no other model has used the shared state, it becomes that model's own. A dependency for which
 * the client does not choose the model has one state.
 */
export class ModelStates {
  readonly #dependency: string;
  readonly #context: GuardContext;
  /** Spreads gates and pauses. */
  readonly #jitter: Jitter;
  readonly #onTransition: OnTransition;
  #spec: Pick<DependencySpec, 'circuit' | 'models'> = { circuit: undefined, models: 'One' };
  readonly #own = new Map<string, ModelState>();
  /** Undefined while every model in use has its own. */
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
    if (spec.models === 'One') this.#keepOne(spec.model);
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
    if (this.#own.size === 0 || model === undefined) return this.#any();
    return this.#own.get(model) ?? this.#any('Shared');
  }

  /** The state for a call that asks for admission. Notes its use. */
  use(asked: AskedCall | undefined, now: number): ModelState {
    const model = asked?.model;
    const state = this.of(model);
    if (this.#spec.models === 'One' || model === undefined) return state;
    state.usedAt = now;
    if (state === this.#shared && asked?.votes !== false) state.use(model);
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

  /** Applies the outcome of a call after its own circuit has counted it. */
  ended(state: ModelState, asked: AskedCall | undefined, outcome: Outcome, since: number): void {
    if (outcome.vote === 'ok') {
      const model = asked?.model;
      if (model !== undefined && state === this.#shared && this.#spec.models === 'Many') {
        this.#promote(state, model);
      }
    } else if (outcome.vote === 'failure' && outcome.class === 'Connection') {
      if (this.#own.size > 0) this.#countElsewhere(state, outcome, since);
    }
  }

  /** Makes the transitions that are due, and drops a shared state that no model needs. */
  advance(now: number): void {
    this.#dropShared(now);
    for (const { circuit } of this.all()) {
      circuit.advance(now);
      this.#context.arm(circuit.nextDeadline(now));
    }
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
  restored(model: string | undefined, now: number): ModelState | undefined {
    if (model === undefined) return this.#any('Shared');
    if (this.#spec.models === 'One') return undefined;
    const known = this.#own.get(model);
    if (known !== undefined || !this.#mayOwn(model, now)) return known;
    return this.#give(model, this.#create());
  }

  /** The state of calls without a model; undefined if there is none. */
  #withoutModel(): ModelState | undefined {
    return this.#own.size === 0 ? this.#any() : this.#shared;
  }

  #statedBy(limits: CallLimits): ProviderLimits {
    return (limits.stated ??= new ProviderLimits(this.#dependency, this.#context, this.#jitter));
  }

  #any(which?: 'Shared'): ModelState {
    if (this.#shared === undefined && which === undefined) {
      for (const state of this.#own.values()) return state;
    }
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
    return new ModelState(circuit, () => new Gates(() => context.gates, this.#jitter));
  }

  #promote(shared: ModelState, model: string): void {
    if (this.#own.has(model)) return;
    const now = this.#context.now();
    const alone = shared.isUsedOnlyBy(model);
    // What opened a circuit that several models share may concern this one too.
    if (!alone && !shared.circuit.isClosed(now)) return;
    if (!this.#mayOwn(model, now)) return;
    if (alone) this.#shared = undefined;
    this.#give(model, alone ? shared : this.#create()).usedAt = now;
  }

  #mayOwn(model: string, now: number): boolean {
    return model.length <= MAX_MODEL_LENGTH && this.#context.room.claim(now);
  }

  #give(model: string, state: ModelState): ModelState {
    state.circuit.model = model;
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

  /** Keeps one state, because the endpoint now has one model: that of the model, else the shared one. */
  #keepOne(model: string | undefined): void {
    if (this.#own.size === 0) return;
    const kept = this.#own.get(model ?? '') ?? this.#any('Shared');
    for (const [name, state] of this.#own) {
      this.#context.room.remove(state);
      if (state !== kept) this.#drop(name, state);
    }
    if (this.#shared !== undefined && this.#shared !== kept) this.#retire(this.#shared.circuit);
    this.#own.clear();
    this.#shared = kept;
    kept.circuit.model = undefined;
  }

  /** Counts a failure in the states of all other models, because the endpoint could not be reached. */
  #countElsewhere(from: ModelState, failure: Failure, since: number): void {
    const now = this.#context.now();
    this.#dropShared(now);
    for (const state of this.all()) {
      if (state !== from) state.circuit.settleElsewhere(failure, since, now);
    }
  }
}
