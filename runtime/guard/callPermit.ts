import { REJECTED } from '../resilience/breaker.ts';
import { HeldPermit } from './heldPermit.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { AskedCall, Credential, Rejection } from './admission.ts';
import type { Circuit } from './circuit.ts';
import type { Lender, Office } from './heldPermit.ts';

/** The dependency that a call goes to, as its permit sees it. */
export interface Callee {
  readonly office: Office;
  readonly circuit: Circuit;
  readonly limits: Lender;
  /** Shuts the gate of the call's credential. */
  shutGate(permit: CallPermit, reason: GateReason, ms: number | undefined, now: number): void;
  /** The call has ended, or has shown that the gate can be opened. */
  leaveGate(permit: CallPermit, served: boolean): void;
  /** Why a call with this credential is not let through the gate now. */
  gateRejection(credential: Credential | undefined, now: number): Rejection | undefined;
  /** What the circuit has just answered. */
  circuitOpen(): Rejection;
}

/** Leave to make one call to a dependency. */
export class CallPermit extends HeldPermit {
  private readonly dependency: Callee;
  /** Generation of the circuit that it votes in. */
  private generation: number;
  private readonly began: number;
  private firstTokenAt: number | undefined;

  constructor(asked: AskedCall | undefined, dependency: Callee, generation: number, now: number) {
    super(asked);
    this.dependency = dependency;
    this.generation = generation;
    this.began = now;
    this.firstTokenAt = undefined;
  }

  firstToken(): void {
    if (this.firstTokenAt !== undefined) return;
    const now = this.now();
    this.firstTokenAt = now;
    this.dependency.leaveGate(this, true);
    const { circuit } = this.dependency;
    this.generation = circuit.firstToken(this.generation, now - this.began, now);
  }

  shutGate(reason: GateReason, ms?: number): void {
    this.dependency.shutGate(this, reason, ms, this.now());
  }

  recheck(now: number): Rejection | undefined {
    const { dependency, generation } = this;
    const { circuit } = dependency;
    const shut = dependency.gateRejection(this.asked?.credential, now);
    if (shut || generation === REJECTED || !circuit.isStale(generation)) return shut;
    this.generation = circuit.enterAgain(generation, now);
    return this.generation === REJECTED ? dependency.circuitOpen() : undefined;
  }

  protected get office(): Office {
    return this.dependency.office;
  }

  protected get limits(): Lender {
    return this.dependency.limits;
  }

  protected vote(outcome: Outcome, now: number): void {
    const { dependency, generation } = this;
    dependency.leaveGate(this, outcome.vote === 'ok');
    if (generation === REJECTED) return;
    const ms = (this.firstTokenAt ?? now) - this.began;
    dependency.circuit.settle(generation, outcome, ms, now);
  }
}
