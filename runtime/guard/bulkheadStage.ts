import { Bulkhead } from '../resilience/bulkhead.ts';
import type { Row } from '../resilience/rows.ts';
import type { BulkheadSpec, SlotWaiter } from '../resilience/bulkhead.ts';
import type { Rejection } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';
import type { PlaceInStage, Stage } from './stage.ts';
import type { BulkheadStats } from './stats.ts';

/** How soon to ask again when there is no slot: one may be free at any moment. */
const SOON_MS = 1000;

/** The bulkhead of one target, with what is told about it. */
export class BulkheadStage implements Stage {
  readonly target: string;
  private spec: BulkheadSpec;
  readonly bulkhead: Bulkhead;
  private readonly arm: (at: number) => void;
  private rejected = 0;

  /** `arm` is told when `advance` is to be called at the latest. */
  constructor(target: string, spec: BulkheadSpec, arm: (at: number) => void, row?: Row) {
    this.target = target;
    this.spec = spec;
    this.bulkhead = new Bulkhead(spec, row);
    this.arm = arm;
  }

  /** Another bound; `advance` lets those in who have a place by it. */
  apply(spec: BulkheadSpec): void {
    this.spec = spec;
    this.bulkhead.apply(spec);
  }

  take(permit: HeldPermit): Rejection | 'Wait' | undefined {
    if (this.bulkhead.acquire()) {
      permit.slot = this.bulkhead;
      return undefined;
    }
    if (permit.immediate) return this.rejection();
    return permit.asked === undefined ? this.full() : 'Wait';
  }

  queue(waiting: PlaceInStage, now: number): Rejection | undefined {
    const { deadlineAt = Infinity } = waiting.permit.asked!;
    const waiter = new Waiter(waiting, this.bulkhead, (at) => this.late(deadlineAt <= at));
    const place = this.bulkhead.wait(waiter, deadlineAt, now);
    if (place === undefined) return this.full();
    waiting.leave = () => this.bulkhead.leave(place);
    this.arm(place.deadlineAt);
    return undefined;
  }

  /** Serves who can be served and ends waits that are too long; answers when to look again. */
  advance(now: number): number {
    this.bulkhead.advance(now);
    return this.bulkhead.nextDeadline();
  }

  /** Refuses those who would not get this far any more. */
  recheck(now: number): void {
    for (const waiter of this.bulkhead.waiters()) (waiter as Waiter).waiting.recheck(now);
  }

  /** Undefined where there is no bound. */
  stats(): BulkheadStats | undefined {
    const { maxConcurrent } = this.spec;
    if (maxConcurrent === Infinity) return undefined;
    const { active, queued } = this.bulkhead;
    return { target: this.target, maxConcurrent, active, queued, rejected: this.rejected };
  }

  /** Whether a call would get a place at once. */
  get hasRoom(): boolean {
    return this.bulkhead.queued === 0 && this.bulkhead.active < this.spec.maxConcurrent;
  }

  private full(): Rejection {
    this.rejected += 1;
    return this.rejection();
  }

  private rejection(): Rejection {
    return { reason: 'BulkheadFull', target: this.target, retryAfterMs: SOON_MS };
  }

  private late(byDeadline: boolean): Rejection {
    const rejection = this.full();
    return byDeadline ? { ...rejection, reason: 'Timeout', retryAfterMs: 0 } : rejection;
  }
}

/** Somebody in the queue. */
class Waiter implements SlotWaiter {
  readonly waiting: PlaceInStage;
  private readonly bulkhead: Bulkhead;
  private readonly late: (now: number) => Rejection;

  constructor(waiting: PlaceInStage, bulkhead: Bulkhead, late: (now: number) => Rejection) {
    this.waiting = waiting;
    this.bulkhead = bulkhead;
    this.late = late;
  }

  granted(now: number): void {
    this.waiting.permit.slot = this.bulkhead;
    this.waiting.proceed(now);
  }

  expired(now: number): void {
    this.waiting.refuse(this.late(now), now);
  }
}
