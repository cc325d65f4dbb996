import { WaitQueue } from './waitQueue.ts';
import type { Place } from './waitQueue.ts';

export interface BulkheadSpec {
  /** Infinity for no bound. */
  maxConcurrent: number;
  maxQueued: number;
  /** Longest wait in the queue, in milliseconds. */
  acquireTimeoutMs: number;
}

/** A call that waits in the queue. */
export interface BulkheadWaiter {
  /** The call is admitted; it must `release`. */
  granted(now: number): void;
  /** Its deadline has passed. */
  expired(now: number): void;
}

/**
 * Bounded concurrency with a bounded queue (Nygard, Release It!, bulkheads). It has no timer:
 * `release` and `advance` admit waiting calls, `advance` ends waits at their deadline.
 */
export class Bulkhead<Waiter extends BulkheadWaiter> {
  /** Calls admitted and not yet released. */
  active = 0;
  #spec: BulkheadSpec;
  readonly #queue = new WaitQueue<Waiter>();
  #advancing = false;

  constructor(spec: BulkheadSpec) {
    this.#spec = spec;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Whether `acquire` would admit a call: there is room, and no other call waits for it. */
  get hasRoom(): boolean {
    return this.active < this.#spec.maxConcurrent && this.#queue.length === 0;
  }

  /** Admits a call if there is room. */
  acquire(): boolean {
    if (!this.hasRoom) return false;
    this.active += 1;
    return true;
  }

  /** Queues a call until `deadlineAt` at the latest; undefined if the queue is full. */
  wait(waiter: Waiter, deadlineAt: number, now: number): Place<Waiter> | undefined {
    const { acquireTimeoutMs, maxQueued } = this.#spec;
    return this.#queue.join(waiter, Math.min(deadlineAt, now + acquireTimeoutMs), maxQueued);
  }

  /** Removes a waiting call from the queue. */
  leave(place: Place<Waiter>): void {
    this.#queue.leave(place);
  }

  /** Ends an admitted call, which makes room for the first in the queue. */
  release(now: number): void {
    this.active -= 1;
    if (this.#queue.length > 0) this.advance(now);
  }

  /** Replaces the bounds. Active and waiting calls stay; `advance` admits more. */
  apply(spec: BulkheadSpec): void {
    this.#spec = spec;
  }

  /** Waiting calls, first to last. */
  waiters(): Waiter[] {
    return this.#queue.all().map(({ item }) => item);
  }

  /** The earliest deadline of a waiting call; Infinity if none waits. */
  nextDeadline(): number {
    return this.#queue.nextDeadline();
  }

  /** Ends waits whose deadline has passed and admits waiting calls while there is room. */
  advance(now: number): void {
    // A waiter can release within `granted`.
    if (this.#advancing) return;
    this.#advancing = true;
    for (const waiter of this.#queue.expire(now)) waiter.expired(now);
    while (this.active < this.#spec.maxConcurrent) {
      const waiter = this.#queue.shift();
      if (waiter === undefined) break;
      this.active += 1;
      waiter.granted(now);
    }
    this.#advancing = false;
  }
}
