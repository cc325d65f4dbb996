import { WaitQueue } from '../resilience/waitQueue.ts';
import type { GuardContext } from './guardContext.ts';
import type { QueuedPermit } from './permit.ts';

export interface ProbeQueueSpec {
  /** Longest wait, in milliseconds; 0: no call waits. */
  timeoutMs: number;
  maxQueued: number;
}

/**
 * Calls that wait, first in first out, while a half-open circuit of their dependency probes. The
 * outcome of a probe lets the first ones probe in turn, lets all of them pass, or rejects them with
 * the reopened circuit.
 */
export class ProbeQueue {
  readonly #context: GuardContext;
  readonly #onExpired: (queued: QueuedPermit, now: number) => void;
  readonly #queue = new WaitQueue<QueuedPermit>();
  #spec: ProbeQueueSpec = { timeoutMs: 0, maxQueued: 0 };
  #advancing = false;

  /** `onExpired` rejects a call whose wait is over. */
  constructor(context: GuardContext, onExpired: (queued: QueuedPermit, now: number) => void) {
    this.#context = context;
    this.#onExpired = onExpired;
  }

  /** Replaces the bounds. Calls that wait keep their deadlines. */
  apply(spec: ProbeQueueSpec): void {
    this.#spec = spec;
  }

  get hasRoom(): boolean {
    return this.#spec.timeoutMs > 0 && this.#queue.length < this.#spec.maxQueued;
  }

  /** Queues a call. */
  join(queued: QueuedPermit, now: number): void {
    const { timeoutMs, maxQueued } = this.#spec;
    const { deadlineAt = Infinity } = queued.permit.asked ?? {};
    const place = this.#queue.join(queued, Math.min(deadlineAt, now + timeoutMs), maxQueued)!;
    queued.leave = () => void this.#queue.leave(place);
    this.#context.arm(place.deadlineAt);
  }

  /** Ends waits that are over, and lets calls go on whose circuit has a place for them or an answer. */
  advance(now: number): void {
    // A call that goes on can end at once, and so come back here.
    if (this.#queue.length === 0 || this.#advancing) return;
    this.#advancing = true;
    for (const queued of this.#queue.expire(now)) this.#onExpired(queued, now);
    for (const place of this.#queue.all()) {
      const { permit } = place.item;
      if (permit.state?.circuit.isProbing() === true || !this.#queue.leave(place)) continue;
      place.item.proceed(now);
    }
    this.#advancing = false;
    this.#context.arm(this.#queue.nextDeadline());
  }

  /** Removes all calls, first to last. */
  clear(): QueuedPermit[] {
    const places = this.#queue.all();
    for (const place of places) this.#queue.leave(place);
    return places.map(({ item }) => item);
  }
}
