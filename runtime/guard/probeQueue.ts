import { WaitQueue } from '../resilience/waitQueue.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { QueuedPermit } from './queuedPermit.ts';

/** What the queue needs of its circuit. */
interface Probed {
  /** Whether a call would have to wait for the outcome of the probes. */
  isProbing(): boolean;
  /** A call was rejected without that outcome, because its wait was over. */
  expired(): Rejection;
}

/**
 * Calls that wait, first in first out, while a half-open circuit probes. The outcome of a probe lets
 * the first ones probe in turn, lets all of them pass, or rejects them with the reopened circuit.
 */
export class ProbeQueue {
  private readonly context: GuardContext;
  private readonly circuit: Probed;
  private readonly queue = new WaitQueue<QueuedPermit>();
  private advancing = false;

  constructor(context: GuardContext, circuit: Probed) {
    this.context = context;
    this.circuit = circuit;
  }

  get length(): number {
    return this.queue.length;
  }

  /** Queues a call for at most `timeoutMs`. */
  join(queued: QueuedPermit, timeoutMs: number, now: number): void {
    const { deadlineAt = Infinity } = queued.permit.asked ?? {};
    const place = this.queue.join(queued, Math.min(deadlineAt, now + timeoutMs), Infinity)!;
    queued.leave = () => void this.queue.leave(place);
    this.context.arm(place.deadlineAt);
  }

  /** Ends waits that are over, and lets calls go on as far as the circuit does. */
  advance(now: number): void {
    // A call that goes on can end at once, and so come back here.
    if (this.queue.length === 0 || this.advancing) return;
    this.advancing = true;
    for (const queued of this.queue.expire(now)) this.expire(queued, now);
    while (this.queue.length > 0 && !this.circuit.isProbing()) this.queue.shift()!.proceed(now);
    this.advancing = false;
    this.context.arm(this.queue.nextDeadline());
  }

  /** Lets all calls go on, whatever the circuit says. */
  release(now: number, free: (queued: QueuedPermit) => void): void {
    for (let queued = this.queue.shift(); queued !== undefined; queued = this.queue.shift()) {
      free(queued);
      queued.proceed(now);
    }
  }

  private expire(queued: QueuedPermit, now: number): void {
    const rejection = this.circuit.expired();
    const late = (queued.permit.asked?.deadlineAt ?? Infinity) <= now;
    queued.refuse(late ? { ...rejection, reason: 'Timeout', retryAfterMs: 0 } : rejection, now);
  }
}
