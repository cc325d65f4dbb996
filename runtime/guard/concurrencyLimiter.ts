import { Bulkhead } from '../resilience/bulkhead.ts';
import type { BulkheadSpec, BulkheadWaiter } from '../resilience/bulkhead.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { Bound, Permit, QueuedPermit } from './permit.ts';
import type { BulkheadStats } from './stats.ts';

/**
 * Share of a bulkhead for calls that do not vote, such as counts of tokens: no circuit stops them, so
 * they must not fill the bulkhead while a provider hangs.
 */
export const VOTELESS_SHARE = 1 / 4;

/** A call in flight can end at any moment. */
const SOON_MS = 1000;

interface QueuedCall extends BulkheadWaiter {
  readonly queued: QueuedPermit;
}

/** The bulkhead of one target. */
export class ConcurrencyLimiter implements Bound {
  readonly #target: string;
  readonly #context: GuardContext;
  #spec: BulkheadSpec;
  readonly #bulkhead: Bulkhead<QueuedCall>;
  #rejected = 0;
  /** Calls without a vote that are active or wait. */
  readonly #voteless = new Set<Permit>();

  constructor(target: string, spec: BulkheadSpec, context: GuardContext) {
    this.#target = target;
    this.#context = context;
    this.#spec = spec;
    this.#bulkhead = new Bulkhead(spec);
  }

  /** Replaces the bounds; `advance` admits waiting calls for which there is room now. */
  apply(spec: BulkheadSpec): void {
    this.#spec = spec;
    this.#bulkhead.apply(spec);
  }

  acquire(permit: Permit): Rejection | 'Wait' | undefined {
    if (permit.asked?.votes === false && !this.#admitVoteless(permit)) {
      return permit.immediate ? this.#rejection() : this.#reject();
    }
    if (this.#bulkhead.acquire()) {
      permit.inBulkhead = true;
      return undefined;
    }
    if (permit.immediate) return this.#rejection();
    return permit.asked === undefined ? this.#reject() : 'Wait';
  }

  enqueue(queued: QueuedPermit, now: number): Rejection | undefined {
    const { deadlineAt = Infinity } = queued.permit.asked!;
    const call: QueuedCall = {
      queued,
      granted: (at) => {
        queued.permit.inBulkhead = true;
        queued.proceed(at);
      },
      expired: (at) => queued.refuse(this.#expired(deadlineAt <= at), at),
    };
    const place = this.#bulkhead.wait(call, deadlineAt, now);
    if (place === undefined) return this.#reject();
    queued.leave = () => this.#bulkhead.leave(place);
    this.#context.arm(place.deadlineAt);
    return undefined;
  }

  /** Ends the call of a permit, or its wait. */
  end(permit: Permit, now: number): void {
    if (this.#voteless.size > 0) this.#voteless.delete(permit);
    if (permit.inBulkhead) this.release(now);
  }

  /** Gives back the place of a permit that was admitted. */
  release(now: number): void {
    this.#bulkhead.release(now);
  }

  /** Admits waiting calls for which there is room and ends waits that are over. */
  advance(now: number): void {
    this.#bulkhead.advance(now);
    this.#context.arm(this.#bulkhead.nextDeadline());
  }

  /** Rejects waiting calls that an earlier bound would reject now. */
  recheck(now: number): void {
    for (const { queued } of this.#bulkhead.waiters()) queued.recheck(now);
  }

  get hasRoom(): boolean {
    return this.#bulkhead.hasRoom;
  }

  /** Undefined without a bound. */
  stats(): BulkheadStats | undefined {
    const { maxConcurrent } = this.#spec;
    if (maxConcurrent === Infinity) return undefined;
    const { active, queued } = this.#bulkhead;
    return { target: this.#target, maxConcurrent, active, queued, rejected: this.#rejected };
  }

  /** Starts the counts anew. Active calls stay. */
  resetStats(): void {
    this.#rejected = 0;
  }

  #admitVoteless(permit: Permit): boolean {
    const most = Math.max(1, Math.floor(this.#spec.maxConcurrent * VOTELESS_SHARE));
    if (this.#voteless.size >= most) return false;
    this.#voteless.add(permit);
    return true;
  }

  #rejection(): Rejection {
    return { reason: 'BulkheadFull', target: this.#target, retryAfterMs: SOON_MS };
  }

  #reject(): Rejection {
    this.#rejected += 1;
    return this.#rejection();
  }

  #expired(byDeadline: boolean): Rejection {
    const rejection = this.#reject();
    return byDeadline ? { ...rejection, reason: 'Timeout', retryAfterMs: 0 } : rejection;
  }
}
