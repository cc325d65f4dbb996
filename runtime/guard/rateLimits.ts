import { limitAt, nextOverrideEnd } from '../../contract/limitOverride.ts';
import { WaitQueue } from '../resilience/waitQueue.ts';
import type { Place } from '../resilience/waitQueue.ts';
import { RateLimit } from './rateLimit.ts';
import type { Limit } from '../../contract/generated/types.ts';
import type { RemoteTokens, Tokens } from '../resilience/bucket.ts';
import type { ActualCost, Asked } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { Bound, Permit, QueuedPermit } from './permit.ts';
import type { FleetLimit } from './fleetMember.ts';
import type { LimitSnapshot, Reservation } from './rateLimit.ts';

/** Largest number of calls that wait for the answer of a store, in addition to `maxQueued`. */
const UNANSWERED = 10_000;

/** All limits of one target, in the order of the configuration. A call takes from all or none. */
export class RateLimits implements Bound {
  limits: readonly RateLimit[] = [];
  readonly #target: string;
  readonly #context: GuardContext;
  /** As the configuration has them, with their overrides. */
  #configured: readonly Limit[] = [];
  /** When the next override ends, in milliseconds since the epoch. */
  #overrideEnds = Infinity;
  #maxQueued = 0;
  readonly #queue = new WaitQueue<QueuedPermit>();
  /** Buckets that queued calls wait for, and the tokens they need. No later call takes from them. */
  readonly #awaited = new Map<Tokens, number>();
  /** Of these, the ones that other processes give tokens to. */
  readonly #remotes = new Set<RemoteTokens>();
  /** For which key a queued call waits; calls of no key share one. */
  readonly #keys = new WeakMap<QueuedPermit, Tokens>();
  /** Whether calls have joined that only wait for the answer of a store. */
  #overfull = false;
  #serving = false;
  #serveAgain = false;
  /** When `advance` has something to do; Infinity while no call waits. */
  #nextAt = Infinity;

  constructor(target: string, context: GuardContext) {
    this.#target = target;
    this.#context = context;
  }

  /**
   * Replaces the limits. A limit with the same name, resource and key keeps its state; among
   * several, the first continues the first. `advance` admits waiting calls that are covered now.
   */
  apply(limits: readonly Limit[], maxQueued: number, now: number): void {
    const before = [...this.limits];
    const date = this.#context.date().getTime();
    this.#maxQueued = maxQueued;
    this.#configured = limits;
    this.#overrideEnds = nextOverrideEnd(limits, date);
    this.limits = limits.map((configured) => {
      const limit = limitAt(configured, date);
      const index = before.findIndex((each) => each.continuesAs(limit));
      if (index < 0) return new RateLimit(limit, this.#context, this.wake, now);
      const [kept] = before.splice(index, 1);
      kept!.apply(limit, now);
      return kept!;
    });
    if (this.#queue.length > 0) this.#nextAt = now;
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
    this.#endOverrides(now);
    const needed = this.#check(permit.asked, now);
    const blocking = needed?.allCovered === true ? undefined : longestWait(needed, now);
    if (blocking !== undefined && permit.immediate && !onlyAwaitsStore(needed, now)) {
      return this.#rejection(blocking, now);
    }
    for (let each = needed; each; each = each.next) each.note(now);
    if (blocking === undefined) {
      this.#take(permit, needed, now);
      return undefined;
    }
    if (permit.asked === undefined || maxWait(needed, now) === 0)
      return this.#reject(blocking, now);
    return 'Wait';
  }

  /** Rejects a call at once whose tokens cannot come in time, or for which the queue has no place. */
  enqueue(queued: QueuedPermit, now: number): Rejection | undefined {
    const { asked } = queued.permit;
    const needed = this.#check(asked, now);
    const until = Math.min(asked!.deadlineAt ?? Infinity, now + maxWait(needed, now));
    const hopeless = findBlocking(needed, (each) => now + each.soonest(now) > until);
    if (hopeless !== undefined) return this.#reject(hopeless, now);
    const key = keyOf(needed);
    // The answer of a store comes at once; `trim` keeps the bound for the calls that wait on.
    const places = onlyAwaitsStore(needed, now) ? this.#maxQueued + UNANSWERED : this.#maxQueued;
    this.#overfull ||= places > this.#maxQueued;
    if (this.#queue.length >= places) this.#makeRoom(key, now);
    const place = this.#queue.join(queued, until, places);
    if (place === undefined) return this.#reject(longestWait(needed, now)!, now);
    if (key !== undefined) this.#keys.set(queued, key);
    queued.leave = (at) => {
      if (this.#queue.leave(place)) this.#serveQueue(at);
    };
    this.#waitFor(this.#check(asked, now), until, now);
    return undefined;
  }

  /**
   * Shares a full queue among keys: the newest call of the key with the most places leaves if `key`
   * has at least two places fewer (longest queue drop; Suter et al., 1999).
   */
  #makeRoom(key: Tokens | undefined, now: number): void {
    const byKey = Map.groupBy(this.#queue.all(), ({ item }) => this.#keys.get(item));
    const most = longest(byKey);
    if (most.length <= (byKey.get(key)?.length ?? 0) + 1) return;
    const last = most.at(-1)!;
    this.#queue.leave(last);
    this.#serveQueue(now);
    this.#refuseLate(last.item, now);
  }

  /** Ends the reservations of a permit. What comes back can admit a waiting call. */
  settle(reservation: Reservation | undefined, actual: ActualCost | undefined, now: number): void {
    if (reservation === undefined) return;
    for (let each: Reservation | undefined = reservation; each; each = each.next) {
      each.settle(actual, now);
    }
    if (this.#queue.length > 0) this.#serveQueue(now);
  }

  /** Admits waiting calls that are covered, in their order, and ends waits that are over. */
  advance(now: number): void {
    this.#endOverrides(now);
    if (this.#nextAt <= now) this.#serveQueue(now);
    this.#context.arm(this.#nextAt);
  }

  /** Ends overrides that are over, also after the wall clock was stepped, and asks for the alarm at the next end. */
  #endOverrides(now: number): void {
    if (this.#overrideEnds === Infinity) return;
    const left = this.#overrideEnds - this.#context.date().getTime();
    if (left <= 0) this.apply(this.#configured, this.#maxQueued, now);
    else this.#context.arm(now + left);
  }

  /** Those that the leader of the fleet grants. */
  ofFleet(): FleetLimit[] {
    return this.limits.flatMap(({ target, name, resource, ofFleet: block }) => {
      if (block === undefined) return [];
      return [{ target, name, resource, block, wake: this.wake }];
    });
  }

  /** Looks at the waiting calls, because tokens may have come. */
  readonly wake = (now: number): void => {
    if (this.#queue.length > 0) this.#serveQueue(now);
  };

  /** Rejects waiting calls that an earlier bound would reject now. */
  recheck(now: number): void {
    for (const { item } of this.#queue.all()) item.recheck(now);
  }

  /** Goes through the queue, and once more if a call that it admits or refuses gives tokens back. */
  #serveQueue(now: number): void {
    this.#serveAgain = true;
    if (this.#serving) return;
    this.#serving = true;
    while (this.#serveAgain) {
      this.#serveAgain = false;
      this.#serveOnce(now);
    }
    this.#serving = false;
  }

  #serveOnce(now: number): void {
    this.#nextAt = Infinity;
    // Tokens that come at the very end of a wait are in time.
    const late = this.#queue.expire(now - 1);
    for (const remote of this.#remotes) remote.clearWaiting();
    this.#remotes.clear();
    this.#awaited.clear();
    for (const each of late) this.#refuseLate(each, now);
    for (const place of this.#queue.all()) {
      // Admitting one call can make another leave the queue.
      if (!this.#queue.has(place)) continue;
      const { permit } = place.item;
      const needed = this.#check(permit.asked, now);
      if (longestWait(needed, now) === undefined) {
        this.#take(permit, needed, now);
        this.#queue.leave(place);
        place.item.proceed(now);
      } else if (!this.#ends(place, needed, now)) this.#waitFor(needed, place.deadlineAt, now);
    }
    if (this.#overfull && this.#queue.length > this.#maxQueued) this.#trim(now);
  }

  /** Refuses a call that need not wait any longer. */
  #ends(place: Place<QueuedPermit>, needed: Reservation | undefined, now: number): boolean {
    const { item, deadlineAt } = place;
    const isAnswered = item.permit.immediate && !onlyAwaitsStore(needed, now);
    if (!isAnswered && deadlineAt > now && !isRefused(needed, now)) return false;
    this.#queue.leave(place);
    if (isAnswered) item.refuse(this.#rejection(longestWait(needed, now)!, now), now);
    else this.#refuseLate(item, now);
    return true;
  }

  /** Of the calls that a store has answered, at most `maxQueued` wait on; the newest of the key with the most leave. */
  #trim(now: number): void {
    const places = this.#queue.all().filter(({ item }) => {
      return !onlyAwaitsStore(this.#check(item.permit.asked, now), now);
    });
    const byKey = Map.groupBy(places, ({ item }) => this.#keys.get(item));
    this.#overfull = places.length < this.#queue.length;
    for (let left = places.length; left > this.#maxQueued; left -= 1) {
      const last = longest(byKey).pop()!;
      this.#queue.leave(last);
      this.#refuseLate(last.item, now);
    }
  }

  /** What a call needs of each limit: the first reservation of a list. */
  #check(asked: Asked | undefined, now: number): Reservation | undefined {
    const { limits } = this;
    const awaited = this.#awaited;
    let first: Reservation | undefined;
    for (let i = limits.length - 1; i >= 0; i -= 1) {
      first = limits[i]!.check(asked, awaited, first, now);
    }
    return first;
  }

  /** Keeps later calls from the buckets that a queued call waits for, and plans to look again. */
  #waitFor(needed: Reservation | undefined, until: number, now: number): void {
    for (let each = needed; each; each = each.next) {
      if (!each.blocks) continue;
      this.#awaited.set(each.bucket, (this.#awaited.get(each.bucket) ?? 0) + each.needed);
      const { remote } = each;
      if (remote === undefined) continue;
      remote.waitFor(each.needed, now);
      this.#remotes.add(remote);
    }
    const wait = longestWait(needed, now)?.wait(now) ?? 0;
    this.#nextAt = Math.min(this.#nextAt, until, now + Math.max(1, wait));
    this.#context.arm(this.#nextAt);
  }

  /**
   * Takes from every limit that covers the call. A limit in shadow mode that does not lends its tokens
   * if Enforce would have queued and served the call, and counts a rejection if not.
   */
  #take(permit: Permit, needed: Reservation | undefined, now: number): void {
    for (let each = needed; each; each = each.next) {
      if (each.covered || this.#wouldServe(each, permit.asked, now)) each.take(now);
      else each.limit.countRejection(now);
    }
    permit.reservation = needed;
  }

  #wouldServe(needed: Reservation, asked: Asked | undefined, now: number): boolean {
    const { limit } = needed;
    if (asked === undefined || needed.maxWaitMs(now) === 0) return false;
    const until = Math.min(asked.deadlineAt ?? Infinity, now + needed.maxWaitMs(now));
    return limit.wouldServe(needed.wait(now), until, this.#maxQueued, now);
  }

  #refuseLate(late: QueuedPermit, now: number): void {
    const { asked } = late.permit;
    const needed = this.#check(asked, now);
    const blocking = longestWait(needed, now) ?? needed;
    const timedOut = (asked!.deadlineAt ?? Infinity) <= now || blocking === undefined;
    if (timedOut) late.refuse({ reason: 'Timeout', target: this.#target, retryAfterMs: 0 }, now);
    else late.refuse(this.#reject(blocking, now), now);
  }

  #reject(blocking: Reservation, now: number): Rejection {
    blocking.limit.countRejection(now);
    return this.#rejection(blocking, now);
  }

  #rejection(blocking: Reservation, now: number): Rejection {
    const { policy, name } = blocking.limit;
    return {
      reason: 'RateLimited',
      target: this.#target,
      policy,
      limit: name,
      retryAfterMs: Math.max(1, blocking.wait(now)),
    };
  }
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

/** Of the limits that keep the call from being admitted, the first for which `test` holds. */
function findBlocking(
  needed: Reservation | undefined,
  test: (each: Reservation) => boolean,
): Reservation | undefined {
  for (let each = needed; each; each = each.next) if (each.blocks && test(each)) return each;
  return undefined;
}

/** What stands for the key of a call: the bucket that only calls with that key have. */
function keyOf(needed: Reservation | undefined): Tokens | undefined {
  for (let each = needed; each; each = each.next) if (each.limit.isKeyed) return each.bucket;
  return undefined;
}

/** Whether a limit that keeps the call from being admitted has none of what the call waits for. */
function isRefused(needed: Reservation | undefined, now: number): boolean {
  return findBlocking(needed, (each) => each.isRefused(now)) !== undefined;
}

/** Whether nothing but the answer of a store keeps the call from being admitted. */
function onlyAwaitsStore(needed: Reservation | undefined, now: number): boolean {
  return !findBlocking(needed, (each) => !each.limit.isStored || !each.awaitsAnswer(now));
}

/** The places of the key that has most places. */
function longest<P>(byKey: ReadonlyMap<Tokens | undefined, P[]>): P[] {
  return [...byKey.values()].reduce((a, b) => (b.length > a.length ? b : a), []);
}

/** How long the call may wait: as long as every limit that blocks it allows. */
function maxWait(needed: Reservation | undefined, now: number): number {
  let ms = Infinity;
  for (let each = needed; each; each = each.next) {
    if (each.blocks) ms = Math.min(ms, each.maxWaitMs(now));
  }
  return ms;
}
