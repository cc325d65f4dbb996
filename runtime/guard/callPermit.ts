import { REJECTED } from '../resilience/breaker.ts';
import { endReservation } from '../resilience/bucket.ts';
import { giveSlot } from '../resilience/bulkhead.ts';
import { REFUND } from './admission.ts';
import { settleGood } from './circuit.ts';
import { ASK, SLOTS, TAKES } from './dependencyRow.ts';
import { HeldPermit } from './heldPermit.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { ActualCost, AskedCall, Credential, Rejection } from './admission.ts';
import type { BulkheadStage } from './bulkheadStage.ts';
import type { Circuit } from './circuit.ts';
import type { LimiterSet } from './limiterSet.ts';
import type { TokenLender, GuardContext } from './heldPermit.ts';

/** The dependency that a call goes to, as its permit sees it. */
export interface Callee {
  readonly circuit: Circuit;
  readonly bulkhead: BulkheadStage;
  readonly limits: LimiterSet;
  /** Shuts the gate of the call's credential. */
  shutGate(permit: CallPermit, reason: GateReason, ms: number | undefined, now: number): void;
  /** The call has ended, or has shown that the gate can be opened. */
  leaveGate(permit: CallPermit, served: boolean): void;
  /** Why a call with this credential is not let through the gate now. */
  gateRejection(credential: Credential | undefined, now: number): Rejection | undefined;
  /** What the circuit has just answered. */
  circuitOpen(): Rejection;
}

/** The part of a dependency that every call touches. */
export interface CalleeHandle {
  readonly context: GuardContext;
  /** Where the numbers of the dependency stand. */
  readonly cells: Float64Array;
  readonly at: number;
  readonly dependency: Callee;
}

/** Leave to make one call to a dependency. */
export class CallPermit extends HeldPermit {
  private readonly handle: CalleeHandle;
  /** Generation of the circuit that it votes in. */
  private generation: number;
  private readonly began: number;
  private firstTokenAt: number | undefined;
  /** Holds a slot by the numbers of the bulkhead alone. */
  private slotTaken = false;
  /** Where the numbers of the limit stand that it holds a token of; undefined when it holds none. */
  private limitCells: Float64Array | undefined;
  private limitAt = 0;

  constructor(asked: AskedCall | undefined, handle: CalleeHandle, generation: number, now: number) {
    super(asked);
    this.handle = handle;
    this.generation = generation;
    this.began = now;
    this.firstTokenAt = undefined;
    this.limitCells = undefined;
  }

  /** It holds a slot, and one token of the limit whose numbers stand there, if there is one. */
  holds(limitCells: Float64Array | undefined, limitAt: number): void {
    this.slotTaken = true;
    this.limitCells = limitCells;
    this.limitAt = limitAt;
  }

  firstToken(): void {
    if (this.firstTokenAt !== undefined) return;
    const now = this.now();
    this.firstTokenAt = now;
    const { dependency } = this.handle;
    dependency.leaveGate(this, true);
    const { circuit } = dependency;
    this.generation = circuit.firstToken(this.generation, now - this.began, now);
  }

  shutGate(reason: GateReason, ms?: number): void {
    this.handle.dependency.shutGate(this, reason, ms, this.now());
  }

  recheck(now: number): Rejection | undefined {
    const { generation } = this;
    const { dependency } = this.handle;
    const { circuit } = dependency;
    const shut = dependency.gateRejection(this.asked?.credential, now);
    if (shut || generation === REJECTED || !circuit.isStale(generation)) return shut;
    this.generation = circuit.enterAgain(generation, now);
    return this.generation === REJECTED ? dependency.circuitOpen() : undefined;
  }

  protected get context(): GuardContext {
    return this.handle.context;
  }

  protected get limits(): TokenLender {
    return this.handle.dependency.limits;
  }

  protected vote(outcome: Outcome, now: number): void {
    const { handle, generation } = this;
    const { cells, at } = handle;
    // Where calls need not ask there are no gates.
    if (cells[at + TAKES] === ASK) handle.dependency.leaveGate(this, outcome.vote === 'ok');
    if (generation === REJECTED) return;
    const ms = (this.firstTokenAt ?? now) - this.began;
    const good = outcome.vote === 'ok' && outcome.slow !== true;
    if (good && settleGood(cells, at, generation, ms, now)) return;
    handle.dependency.circuit.settle(generation, outcome, ms, now);
  }

  protected override giveBack(actual: ActualCost | undefined, now: number): void {
    super.giveBack(actual, now);
    if (!this.slotTaken) return;
    const { handle, limitCells } = this;
    if (limitCells !== undefined) {
      endReservation(limitCells, this.limitAt, actual === REFUND ? 1 : 0, now);
      if (actual === REFUND) handle.dependency.limits.serve(now);
    }
    if (giveSlot(handle.cells, handle.at + SLOTS)) handle.dependency.bulkhead.bulkhead.advance(now);
  }
}
