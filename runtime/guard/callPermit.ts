import { REJECTED } from '../resilience/breaker.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { HeldPermit } from './heldPermit.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { AskedCall, Rejection } from './admission.ts';
import type { Dependency } from './dependency.ts';
import type { Office } from './heldPermit.ts';
import type { LimiterSet } from './limiterSet.ts';

/** Leave to make one call to a dependency. */
export class CallPermit extends HeldPermit {
  private readonly dependency: Dependency;
  /** Generation of the circuit that it votes in. */
  private generation: number;
  private readonly began: number;
  private firstTokenAt: number | undefined;

  constructor(
    asked: AskedCall | undefined,
    dependency: Dependency,
    { generation, now }: { generation: number; now: number },
  ) {
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
    circuit.settle(generation, IGNORED, 0, now);
    this.generation = circuit.enter(now);
    return this.generation === REJECTED ? dependency.circuitOpen() : undefined;
  }

  protected get office(): Office {
    return this.dependency.office;
  }

  protected get limits(): LimiterSet {
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
