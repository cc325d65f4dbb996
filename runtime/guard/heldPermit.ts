import { IGNORED } from '../resilience/outcome.ts';
import { REFUND } from './admission.ts';
import type { Bulkhead } from '../resilience/bulkhead.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { ActualCost, AskedCall, Permit, Rejection } from './admission.ts';
import type { Clock } from './clock.ts';
import type { Reservation } from './reservation.ts';

/** What all permits and handles of a guard share. */
export class GuardContext {
  settledTwice = 0;
  /** Whether some dependencies are still to be brought up to the configuration in force. */
  rolling = false;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whole milliseconds on the clock: a number with a fraction would be an object at each use. */
  now(): number {
    return Math.floor(this.clock.now());
  }
}

/** Who lends tokens to permits. */
export interface TokenLender {
  /** Ends the reservations of a permit. */
  settle(permit: HeldPermit, actual: ActualCost | undefined, now: number): void;
}

/** A permit with what it holds, also while it is still on its way through the stages. */
export abstract class HeldPermit implements Permit {
  readonly asked: AskedCall | undefined;
  /** Slot taken in a bulkhead. */
  slot: Bulkhead | undefined;
  /** Tokens taken. */
  reservation: Reservation | undefined;
  private settled = false;

  constructor(asked: AskedCall | undefined) {
    this.asked = asked;
    this.slot = undefined;
    this.reservation = undefined;
  }

  /** Not a field: every call makes one of these. */
  get kind(): 'Permit' {
    return 'Permit';
  }

  get permit(): Permit {
    return this;
  }

  /** Whether it is to be refused, uncounted, where it would have to wait. */
  get immediate(): boolean {
    return this.asked?.immediate === true;
  }

  abstract firstToken(): void;
  abstract shutGate(reason: GateReason, ms?: number): void;
  /** Why it would not be granted any more, after it waited. */
  abstract recheck(now: number): Rejection | undefined;
  protected abstract get context(): GuardContext;
  /** Whose tokens it takes. */
  protected abstract get limits(): TokenLender;
  /** The circuit and the gate take the outcome. */
  protected abstract vote(outcome: Outcome, now: number): void;

  settle(outcome: Outcome, actual?: ActualCost): void {
    if (this.settled) {
      this.context.settledTwice += 1;
      return;
    }
    this.end(outcome, actual, this.context.now());
  }

  /** Gives back all that it holds, because it was not granted in the end. */
  giveUp(now: number): void {
    this.end(IGNORED, REFUND, now);
  }

  /** The time on the guard's clock. */
  now(): number {
    return this.context.now();
  }

  private end(outcome: Outcome, actual: ActualCost | undefined, now: number): void {
    this.settled = true;
    // The vote comes first: who is granted what becomes free is to meet the circuit as it is now.
    this.vote(outcome, now);
    this.giveBack(actual, now);
  }

  /** What it holds of the bounds, in the end. */
  protected giveBack(actual: ActualCost | undefined, now: number): void {
    if (this.reservation !== undefined) this.limits.settle(this, actual, now);
    if (this.slot !== undefined) this.slot.release(now);
  }
}

/** Leave to serve one request. */
export class InboundPermit extends HeldPermit {
  protected readonly context: GuardContext;
  protected readonly limits: TokenLender;

  constructor(context: GuardContext, asked: AskedCall | undefined, limits: TokenLender) {
    super(asked);
    this.context = context;
    this.limits = limits;
  }

  firstToken(): void {
    // Nothing that bounds requests depends on it.
  }

  shutGate(): void {
    // The agent's own callers have no gate.
  }

  recheck(): undefined {
    return undefined;
  }

  protected vote(): void {
    // There is no circuit around the agent itself.
  }
}
