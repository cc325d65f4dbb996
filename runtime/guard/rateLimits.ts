import { WaitQueue } from '../resilience/waitQueue.ts';
import { RateLimit } from './rateLimit.ts';
import type { Limit } from '../../contract/generated/types.ts';
import type { Bucket } from '../resilience/bucket.ts';
import type { ActualCost, Asked } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { Permit } from './permit.ts';
import type { Bound, QueuedPermit } from './queuedPermit.ts';
import type { LimitSnapshot, Reservation } from './rateLimit.ts';

/** All limits of one target, in the order of the configuration. A call takes from all or none. */
export class RateLimits implements Bound {
  limits: readonly RateLimit[] = [];
  private readonly target: string;
  private readonly context: GuardContext;
  private maxQueued = 0;
  private readonly queue = new WaitQueue<QueuedPermit>();
  /** Buckets that a queued call waits for. No later call takes from them. */
  private readonly awaited = new Set<Bucket>();
  /** When `advance` has something to do; Infinity while no call waits. */
  private nextAt = Infinity;

  constructor(target: string, context: GuardContext) {
    this.target = target;
    this.context = context;
  }

  /**
   * Replaces the limits. A limit with the same name, resource and key keeps its state; among
   * several, the first continues the first. `advance` admits waiting calls that are covered now.
   */
  apply(limits: readonly Limit[], maxQueued: number, now: number): void {
    const before = [...this.limits];
    this.maxQueued = maxQueued;
    this.limits = limits.map((limit) => {
      const index = before.findIndex((each) => each.continuesAs(limit));
      if (index < 0) return new RateLimit(limit, now);
      const [kept] = before.splice(index, 1);
      kept!.apply(limit, now);
      return kept!;
    });
    if (this.queue.length > 0) this.nextAt = now;
  }

  /** What to keep over a restart. */
  snapshot(now: number): LimitSnapshot[] {
    return this.limits.flatMap((limit) => limit.snapshot(now) ?? []);
  }

  /** Restores the levels of matching limits; among several, in their order. */
  restore(saved: readonly LimitSnapshot[], ageMs: number, now: number): void {
    const free = [...this.limits];
    for (const each of saved) {
      const index = free.findIndex((limit) => limit.matches(each));
      if (index >= 0) free.splice(index, 1)[0]!.restore(each, ageMs, now);
    }
  }

  acquire(permit: Permit, now: number): Rejection | 'Wait' | undefined {
    const needed = this.check(permit.asked, now);
    const blocking = needed?.allCovered === true ? undefined : longestWait(needed, now);
    if (blocking !== undefined && permit.immediate) return this.rejection(blocking, now);
    for (let each = needed; each; each = each.next) each.limit.requests += 1;
    if (blocking === undefined) {
      take(permit, needed, now);
      return undefined;
    }
    if (permit.asked === undefined || maxWait(needed) === 0) return this.reject(blocking, now);
    return 'Wait';
  }

  enqueue(queued: QueuedPermit, now: number): Rejection | undefined {
    const { asked } = queued.permit;
    const needed = this.check(asked, now);
    const until = Math.min(asked!.deadlineAt ?? Infinity, now + maxWait(needed));
    const place = this.queue.join(queued, until, this.maxQueued);
    if (place === undefined) return this.reject(longestWait(needed, now)!, now);
    queued.leave = (at) => {
      if (this.queue.leave(place)) this.serveQueue(at);
    };
    this.waitFor(needed, until, now);
    return undefined;
  }

  /** Ends the reservations of a permit. What comes back can admit a waiting call. */
  settle(reservation: Reservation | undefined, actual: ActualCost | undefined, now: number): void {
    if (reservation === undefined) return;
    for (let each: Reservation | undefined = reservation; each; each = each.next) {
      each.settle(actual, now);
    }
    if (this.queue.length > 0) this.serveQueue(now);
  }

  /** Admits waiting calls that are covered, in their order, and ends waits that are over. */
  advance(now: number): void {
    if (this.nextAt <= now) this.serveQueue(now);
    this.context.arm(this.nextAt);
  }

  /** Rejects waiting calls that an earlier bound would reject now. */
  recheck(now: number): void {
    for (const { item } of this.queue.all()) item.recheck(now);
  }

  private serveQueue(now: number): void {
    this.nextAt = Infinity;
    for (const late of this.queue.expire(now)) this.refuseLate(late, now);
    this.awaited.clear();
    for (const place of this.queue.all()) {
      // Admitting one call can make another leave the queue.
      if (!this.queue.has(place)) continue;
      const { permit } = place.item;
      const needed = this.check(permit.asked, now);
      if (longestWait(needed, now) === undefined) {
        take(permit, needed, now);
        this.queue.leave(place);
        place.item.proceed(now);
      } else this.waitFor(needed, place.deadlineAt, now);
    }
  }

  /** What a call needs of each limit: the first reservation of a list. */
  private check(asked: Asked | undefined, now: number): Reservation | undefined {
    const { limits, awaited } = this;
    let first: Reservation | undefined;
    for (let i = limits.length - 1; i >= 0; i -= 1) {
      first = limits[i]!.check(asked, awaited, first, now);
    }
    return first;
  }

  /** Keeps later calls from the buckets that a queued call waits for, and plans to look again. */
  private waitFor(needed: Reservation | undefined, until: number, now: number): void {
    for (let each = needed; each; each = each.next) if (each.blocks) this.awaited.add(each.bucket);
    const wait = longestWait(needed, now)?.wait(now) ?? 0;
    this.nextAt = Math.min(this.nextAt, until, now + Math.max(1, wait));
    this.context.arm(this.nextAt);
  }

  private refuseLate(late: QueuedPermit, now: number): void {
    const { asked } = late.permit;
    const needed = this.check(asked, now);
    const blocking = longestWait(needed, now) ?? needed;
    const timedOut = (asked!.deadlineAt ?? Infinity) <= now || blocking === undefined;
    if (timedOut) late.refuse({ reason: 'Timeout', target: this.target, retryAfterMs: 0 }, now);
    else late.refuse(this.reject(blocking, now), now);
  }

  private reject(blocking: Reservation, now: number): Rejection {
    blocking.limit.countRejection(now);
    return this.rejection(blocking, now);
  }

  private rejection(blocking: Reservation, now: number): Rejection {
    const { policy, name } = blocking.limit;
    return {
      reason: 'RateLimited',
      target: this.target,
      policy,
      limit: name,
      retryAfterMs: Math.max(1, blocking.wait(now)),
    };
  }
}

/** Takes from every limit that covers the call; a limit in shadow mode that does not counts it. */
function take(permit: Permit, needed: Reservation | undefined, now: number): void {
  for (let each = needed; each; each = each.next) {
    if (each.covered) each.take(now);
    else each.limit.countRejection(now);
  }
  permit.reservation = needed;
}

/** Of the limits that keep the call from being admitted, the one with the longest wait. */
function longestWait(needed: Reservation | undefined, now: number): Reservation | undefined {
  let longest: Reservation | undefined;
  for (let each = needed; each; each = each.next) {
    if (each.blocks && (longest === undefined || each.wait(now) > longest.wait(now))) {
      longest = each;
    }
  }
  return longest;
}

/** How long the call may wait: as long as every limit that blocks it allows. */
function maxWait(needed: Reservation | undefined): number {
  let ms = Infinity;
  for (let each = needed; each; each = each.next) {
    if (each.blocks) ms = Math.min(ms, each.limit.maxWaitMs);
  }
  return ms;
}
