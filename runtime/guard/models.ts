import { Gates } from '../resilience/gates.ts';
import { Circuit } from './circuit.ts';
import { ModelState } from './modelState.ts';
import type { CallLimits } from './modelState.ts';
import { ProviderLimits } from './providerLimits.ts';
import { sumStats } from './stats.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { Failure, Outcome } from '../resilience/outcome.ts';
import type { AskedCall } from './admission.ts';
import type { CircuitSnapshot, OnTransition } from './circuit.ts';
import type { GuardContext } from './guardContext.ts';
import type { DependencySpec } from './guardSpec.ts';
import type { CircuitStats } from './stats.ts';

/** A longer name gets no state of its own, because clients choose the names. */
const MAX_MODEL_LENGTH = 256;

/** What of a call decides which limits of a provider apply. */
export type CallKind = Pick<AskedCall, 'model' | 'votes'>;

/**
 * The state of one dependency by model, because providers limit and fail by model. All models share
 * one state at first. A model gets its own after its first success, if there is room (CircuitRoom);
 * if no other model has used the shared state, it becomes that model's own. A dependency for which
 * the client does not choose the model has one state.
 */
export class ModelStates {
  private readonly dependency: string;
  private readonly context: GuardContext;
  /** Of gates and pauses. */
  private readonly jitter: Jitter;
  private readonly onTransition: OnTransition;
  private spec: Pick<DependencySpec, 'circuit' | 'models'> = { circuit: undefined, models: 'One' };
  private readonly own = new Map<string, ModelState>();
  /** Undefined while every model in use has its own. */
  private shared: ModelState | undefined;
  /** Counts of states that are gone. */
  private gone: CircuitStats | undefined;

  constructor(
    dependency: string,
    context: GuardContext,
    jitter: Jitter,
    onTransition: OnTransition,
  ) {
    this.dependency = dependency;
    this.context = context;
    this.jitter = jitter;
    this.onTransition = onTransition;
    this.shared = this.create();
  }

  /** Replaces the policy in every state. Returns whether its reset token has reset a circuit. */
  apply(spec: DependencySpec, now: number): boolean {
    this.spec = spec;
    if (spec.models === 'One') this.keepOne(spec.model);
    const resets = this.all().map(({ circuit }) => circuit.apply(spec.circuit, now));
    return resets.includes(true);
  }

  /** Forgets why the provider holds calls back, whatever the model. */
  openGates(): void {
    for (const limits of this.all().flatMap((state) => state.allLimits())) limits.open();
  }

  /** Gives the room for its states back. */
  close(): void {
    for (const state of this.own.values()) this.context.room.remove(state);
  }

  /** The state that judges calls for a model. */
  of(model: string | undefined): ModelState {
    if (this.own.size === 0 || model === undefined) return this.any();
    return this.own.get(model) ?? this.any('Shared');
  }

  /** The state for a call, which now asks for admission. */
  use(asked: AskedCall | undefined, now: number): ModelState {
    const model = asked?.model;
    const state = this.of(model);
    if (this.spec.models === 'One' || model === undefined) return state;
    state.usedAt = now;
    if (state === this.shared && asked?.votes !== false) state.use(model);
    return state;
  }

  /** All states, that of the models without their own first. */
  all(): ModelState[] {
    const shared = this.shared ?? (this.own.size === 0 ? this.any() : undefined);
    return shared === undefined ? [...this.own.values()] : [shared, ...this.own.values()];
  }

  has(circuit: Circuit): boolean {
    if (this.shared?.circuit === circuit) return true;
    return circuit.model !== undefined && this.own.get(circuit.model)?.circuit === circuit;
  }

  /** A call that votes has ended, and its own circuit has its vote. */
  ended(state: ModelState, asked: AskedCall | undefined, outcome: Outcome, since: number): void {
    if (outcome.vote === 'ok') {
      const model = asked?.model;
      if (model !== undefined && state === this.shared && this.spec.models === 'Many') {
        this.promote(state, model);
      }
    } else if (outcome.vote === 'failure' && outcome.class === 'Connection') {
      if (this.own.size > 0) this.countElsewhere(state, outcome, since);
    }
  }

  /** Makes the transitions that are due, and drops a shared state that no model needs. */
  advance(now: number): void {
    this.dropShared(now);
    for (const { circuit } of this.all()) {
      circuit.advance(now);
      this.context.arm(circuit.nextDeadline(now));
    }
  }

  /** A new mounted credential: a shut gate admits a probe with it, stated limits are forgotten. */
  useCredential(before: string, hash: string, now: number): void {
    for (const limits of this.all().flatMap((state) => state.allLimits())) {
      limits.gates.replace(before, hash, now);
      limits.stated?.forget();
    }
  }

  /** What the provider has stated about calls of this kind. */
  stated({ model, votes }: CallKind): ProviderLimits {
    return this.statedBy(this.of(model).limits(votes));
  }

  /** What is known of the provider's limits on calls of this kind and no other; undefined if such calls have no state. */
  only({
    model,
    votes,
  }: CallKind): { limits: CallLimits; stated: () => ProviderLimits } | undefined {
    const state = model === undefined ? this.withoutModel() : this.own.get(model);
    if (state === undefined) return undefined;
    const limits = state.limits(votes);
    return { limits, stated: () => this.statedBy(limits) };
  }

  /** Counts of all circuits that there have been, and the worst state. */
  stats(now: number): CircuitStats {
    const each = this.all().map(({ circuit }) => circuit.stats(now));
    return sumStats(this.gone === undefined ? each : [this.gone, ...each]);
  }

  snapshot(now: number): CircuitSnapshot[] {
    return this.all().flatMap(({ circuit }) => circuit.snapshot(now) ?? []);
  }

  /** The state that a saved one continues in; undefined if there is no room for it. */
  restored(model: string | undefined, now: number): ModelState | undefined {
    if (model === undefined) return this.any('Shared');
    if (this.spec.models === 'One') return undefined;
    const known = this.own.get(model);
    if (known !== undefined || !this.mayOwn(model, now)) return known;
    return this.give(model, this.create());
  }

  /** The state of calls that are not known by their model. */
  private withoutModel(): ModelState | undefined {
    return this.own.size === 0 ? this.any() : this.shared;
  }

  private statedBy(limits: CallLimits): ProviderLimits {
    return (limits.stated ??= new ProviderLimits(this.dependency, this.context, this.jitter));
  }

  private any(which?: 'Shared'): ModelState {
    if (this.shared === undefined && which === undefined) {
      for (const state of this.own.values()) return state;
    }
    return (this.shared ??= this.create());
  }

  private create(): ModelState {
    const { dependency, context, onTransition } = this;
    const now = context.now();
    const jitter = context.jitter(dependency);
    const circuit = new Circuit(dependency, context.wallTime, now, onTransition, jitter);
    // An override in force is no transition of a circuit that begins with it: the guard ignores
    // the transitions of a circuit that is not among these states yet.
    circuit.apply(this.spec.circuit, now);
    return new ModelState(circuit, () => new Gates(() => context.gates, this.jitter));
  }

  private promote(shared: ModelState, model: string): void {
    if (this.own.has(model)) return;
    const now = this.context.now();
    const alone = shared.isUsedOnlyBy(model);
    // What opened a circuit that several models share may concern this one too.
    if (!alone && !shared.circuit.isClosed(now)) return;
    if (!this.mayOwn(model, now)) return;
    if (alone) this.shared = undefined;
    this.give(model, alone ? shared : this.create()).usedAt = now;
  }

  private mayOwn(model: string, now: number): boolean {
    return model.length <= MAX_MODEL_LENGTH && this.context.room.claim(now);
  }

  private give(model: string, state: ModelState): ModelState {
    state.circuit.model = model;
    this.own.set(model, state);
    this.context.room.add(state, () => this.drop(model, state));
    return state;
  }

  private drop(model: string, { circuit }: ModelState): void {
    this.own.delete(model);
    this.retire(circuit);
  }

  private dropShared(now: number): void {
    if (this.own.size === 0 || this.shared?.isClean(now) !== true) return;
    this.retire(this.shared.circuit);
    this.shared = undefined;
  }

  private retire(circuit: Circuit): void {
    const last = circuit.stats(this.context.now());
    this.gone = sumStats([...(this.gone === undefined ? [] : [this.gone]), last]);
  }

  /** The endpoint has one model from now on. Its state stays, else the shared one. */
  private keepOne(model: string | undefined): void {
    if (this.own.size === 0) return;
    const kept = this.own.get(model ?? '') ?? this.any('Shared');
    for (const [name, state] of this.own) {
      this.context.room.remove(state);
      if (state !== kept) this.drop(name, state);
    }
    if (this.shared !== undefined && this.shared !== kept) this.retire(this.shared.circuit);
    this.own.clear();
    this.shared = kept;
    kept.circuit.model = undefined;
  }

  /** The endpoint itself could not be reached, whatever the model. */
  private countElsewhere(from: ModelState, failure: Failure, since: number): void {
    const now = this.context.now();
    this.dropShared(now);
    for (const state of this.all()) {
      if (state !== from) state.circuit.settleElsewhere(failure, since, now);
    }
  }
}
