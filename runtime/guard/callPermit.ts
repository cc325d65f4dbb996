import { IGNORED } from '../resilience/outcome.ts';
import { HeldPermit } from './heldPermit.ts';
import type { BreakerPermit } from '../resilience/breaker.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { AskedCall, Rejection } from './admission.ts';
import type { Dependency } from './dependency.ts';
import type { Office } from './heldPermit.ts';

/** Leave to make one call to a dependency. */
export class CallPermit extends HeldPermit {
  /** Whether it was let through to see if its gate can be opened. */
  seesGate = false;
  private readonly dependency: Dependency;
  private inner: BreakerPermit | undefined;

  constructor(
    office: Office,
    asked: AskedCall | undefined,
    dependency: Dependency,
    inner: BreakerPermit,
  ) {
    super(office, asked);
    this.dependency = dependency;
    this.inner = inner;
  }

  firstToken(): void {
    this.inner?.firstToken(this.now());
  }

  shutGate(reason: GateReason, ms?: number): void {
    this.dependency.shutGate(this, reason, ms, this.now());
  }

  recheck(now: number): Rejection | undefined {
    const shut = this.dependency.gateRejection(this.asked?.credential, now);
    if (shut || this.inner?.stale() !== true) return shut;
    const { circuit } = this.dependency;
    circuit.settle(this.inner, IGNORED, now);
    const answer = circuit.acquire(now);
    this.inner = answer.kind === 'Permit' ? answer : undefined;
    return answer.kind === 'Permit' ? undefined : this.dependency.circuitOpen(answer.retryAfterMs);
  }

  protected vote(outcome: Outcome, now: number): void {
    if (this.seesGate) this.dependency.leaveGate(this, outcome.vote === 'ok');
    if (this.inner !== undefined) this.dependency.circuit.settle(this.inner, outcome, now);
  }
}
