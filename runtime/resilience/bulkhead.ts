import { WaitQueue } from './waitQueue.ts';
import type { Place } from './waitQueue.ts';

export interface BulkheadSpec {
  /** Slots; Infinity for no bound. */
  maxConcurrent: number;
  maxQueued: number;
  /** Longest wait in the queue, in milliseconds. */
  acquireTimeoutMs: number;
}

/** Who waits for a slot. */
export interface SlotWaiter {
  /** It has a slot now and is to release it. */
  granted(now: number): void;
  /** Its time is over. */
  expired(now: number): void;
}

export type SlotPlace = Place<SlotWaiter>;

/**
 * Bounded concurrency with a bounded queue (Nygard, Release It!, bulkheads). It has no timer:
 * slots are granted by `release` and `advance`, deadlines pass by `advance`.
 */
export class Bulkhead {
  /** Slots taken. */
  active = 0;
  private spec: BulkheadSpec;
  private maxConcurrent: number;
  /** Made when somebody waits for the first time. */
  private queue: WaitQueue<SlotWaiter> | undefined;
  private granting = false;

  constructor(spec: BulkheadSpec) {
    this.spec = spec;
    this.maxConcurrent = spec.maxConcurrent;
  }

  get queued(): number {
    return this.queue?.length ?? 0;
  }

  /** Takes a slot, if one is free and nobody is waiting for it. */
  acquire(): boolean {
    if (this.active >= this.maxConcurrent || this.queued > 0) return false;
    this.active += 1;
    return true;
  }

  /** Waits for a slot, at most until `deadlineAt`; undefined when the queue is full. */
  wait(waiter: SlotWaiter, deadlineAt: number, now: number): SlotPlace | undefined {
    const { acquireTimeoutMs, maxQueued } = this.spec;
    this.queue ??= new WaitQueue();
    return this.queue.join(waiter, Math.min(deadlineAt, now + acquireTimeoutMs), maxQueued);
  }

  /** A waiter goes away. */
  leave(place: SlotPlace): void {
    this.queue?.leave(place);
  }

  /** Gives a slot back, to whoever is first. */
  release(now: number): void {
    this.active -= 1;
    if (this.queued > 0) this.advance(now);
  }

  /**
   * Another bound: who holds a slot keeps it, who waits keeps its place and its deadline. More slots
   * are granted by `advance`.
   */
  apply(spec: BulkheadSpec): void {
    this.spec = spec;
    this.maxConcurrent = spec.maxConcurrent;
  }

  /** Who waits, first to last. */
  waiters(): SlotWaiter[] {
    return this.queue?.all().map(({ item }) => item) ?? [];
  }

  /** When somebody's wait ends; Infinity when nobody waits. */
  nextDeadline(): number {
    return this.queue?.nextDeadline() ?? Infinity;
  }

  /**
   * Ends the wait of those whose time is over and grants what is free. Not again from within: one
   * that is granted may release at once.
   */
  advance(now: number): void {
    if (this.granting || this.queue === undefined) return;
    this.granting = true;
    for (const waiter of this.queue.expire(now)) waiter.expired(now);
    while (this.active < this.maxConcurrent) {
      const waiter = this.queue.shift();
      if (waiter === undefined) break;
      this.active += 1;
      waiter.granted(now);
    }
    this.granting = false;
  }
}
