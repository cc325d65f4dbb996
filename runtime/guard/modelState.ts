import type { Gates, GateState } from '../resilience/gates.ts';
import type { Circuit } from './circuit.ts';
import type { ProviderLimits } from './providerLimits.ts';

/** How a provider limits one kind of call. */
export class CallLimits {
  /** Shut after a 429, by credential. */
  gates: Gates;
  /** Undefined until the provider states a limit. */
  stated: ProviderLimits | undefined;
  private readonly newGates: () => Gates;

  constructor(newGates: () => Gates) {
    this.newGates = newGates;
    this.gates = newGates();
  }

  /** Forgets why calls are held back. */
  open(): void {
    this.gates = this.newGates();
    this.stated?.forget();
  }

  /** What holds calls with the mounted credential back, if anything does. */
  pause(mounted: string, now: number): GateState | undefined {
    return this.gates.state(mounted, now) ?? this.stated?.pause(now);
  }

  isClean(now: number): boolean {
    return this.gates.isClean(now) && this.stated?.pause(now) === undefined;
  }
}

/** What a dependency keeps for one model, or for all models without their own state. */
export class ModelState {
  readonly circuit: Circuit;
  /** When a call last asked for it. */
  usedAt = 0;
  /** Of calls for an answer. */
  private readonly answers: CallLimits;
  /** Of calls that count tokens or the like: providers limit them apart. */
  private others: CallLimits | undefined;
  /** The model of all calls for an answer so far, if it is one model. */
  private user: string | undefined;
  private manyUsers = false;

  private readonly newGates: () => Gates;

  constructor(circuit: Circuit, newGates: () => Gates) {
    this.circuit = circuit;
    this.newGates = newGates;
    this.answers = new CallLimits(newGates);
  }

  /** The limits on calls that vote, or on those that do not. */
  limits(votes = true): CallLimits {
    return votes ? this.answers : (this.others ??= new CallLimits(this.newGates));
  }

  allLimits(): CallLimits[] {
    return this.others === undefined ? [this.answers] : [this.answers, this.others];
  }

  /** A call for an answer of this model asks for the state. */
  use(model: string): void {
    if (this.user === model || this.manyUsers) return;
    this.manyUsers = this.user !== undefined;
    this.user = model;
    this.circuit.users = this.manyUsers ? 'Many' : { only: model };
  }

  /** Whether no other model has used it. */
  isUsedOnlyBy(model: string): boolean {
    return this.user === model && !this.manyUsers;
  }

  /** Whether nothing is lost if a new state replaces it. */
  isClean(now: number): boolean {
    return this.circuit.isClean(now) && this.allLimits().every((limits) => limits.isClean(now));
  }
}
