import { WaitQueue } from '../resilience/waitQueue.ts';
import { Rows } from '../resilience/rows.ts';
import { Limiter, LIMIT_CELLS } from './limiter.ts';
import type { Row } from '../resilience/rows.ts';
import type { LimitSnapshot } from './limiter.ts';
import type { Limit } from '../../contract/generated/types.ts';
import type { ActualCost, Rejection } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';
import type { PlaceInStage, Stage } from './stage.ts';

/** All limits of one target, in the order of the configuration. */
export class LimiterSet implements Stage {
  readonly target: string;
  limiters: readonly Limiter[] = [];
  /** When somebody's wait may end; Infinity when nobody waits. */
  nextAt = Infinity;
  private maxQueued = 0;
  /** Made when somebody waits for the first time. */
  private queued: WaitQueue<PlaceInStage> | undefined;
  private readonly arm: (at: number) => void;
  private readonly rows: Rows;
  /** For the first limit that there is; not for another one after it. */
  private firstRow: Row | undefined;

  /** `arm` is told when `advance` is to be called at the latest. */
  constructor(
    target: string,
    arm: (at: number) => void,
    rows: Rows = new Rows(LIMIT_CELLS),
    firstRow?: Row,
  ) {
    this.target = target;
    this.rows = rows;
    this.firstRow = firstRow;
    this.arm = arm;
  }

  /**
   * Limits that there are by the same name, resource and key keep their state. Of several, the
   * first takes the state of the first, the second that of the second. `advance` lets those go on
   * who are covered by them.
   */
  apply(limits: readonly Limit[], maxQueued: number, now: number): void {
    const free = [...this.limiters];
    this.maxQueued = maxQueued;
    this.limiters = limits.map((limit) => {
      const index = free.findIndex((each) => each.follows(limit));
      const [kept] = index < 0 ? [] : free.splice(index, 1);
      if (!kept) return new Limiter(limit, now, this.row());
      kept.apply(limit, now);
      return kept;
    });
    if (this.queued !== undefined && this.queued.length > 0) this.nextAt = now;
  }

  private row(): Row {
    const row = this.firstRow ?? this.rows.add();
    this.firstRow = undefined;
    return row;
  }

  /** Keys with a bucket of their own, of all limits. */
  get keys(): number {
    let keys = 0;
    for (const limiter of this.limiters) keys += limiter.keys;
    return keys;
  }

  /** What is to be kept over a restart. */
  snapshot(now: number): LimitSnapshot[] {
    return this.limiters.flatMap((limiter) => limiter.snapshot(now) ?? []);
  }

  /** Takes up what was saved of its limits; of several that are alike, in their order. */
  restore(saved: readonly LimitSnapshot[], ageMs: number, now: number): void {
    const free = [...this.limiters];
    for (const each of saved) {
      const index = free.findIndex((limiter) => limiter.continues(each));
      if (index >= 0) free.splice(index, 1)[0]!.restore(each, ageMs, now);
    }
  }

  /** Takes from every limit or from none. */
  take(permit: HeldPermit, now: number): Rejection | 'Wait' | undefined {
    const { limiters } = this;
    if (limiters.length === 0) return undefined;
    const lacking = this.tryTake(permit, now);
    if (lacking !== undefined && permit.immediate) return this.rejection(lacking, now);
    for (let i = 0; i < limiters.length; i += 1) limiters[i]!.counted();
    if (lacking === undefined) return undefined;
    return permit.asked !== undefined && this.maxWait() > 0 ? 'Wait' : this.reject(lacking, now);
  }

  queue(waiting: PlaceInStage, now: number): Rejection | undefined {
    const { deadlineAt = Infinity } = waiting.permit.asked!;
    const until = Math.min(deadlineAt, now + this.maxWait());
    const place = this.waiting.join(waiting, until, this.maxQueued);
    if (place === undefined) return this.reject(this.lacking(now)!, now);
    waiting.leave = (at) => {
      if (this.waiting.leave(place)) this.advance(at);
    };
    this.await();
    this.plan(Math.min(until, now + this.wait(now)));
    return undefined;
  }

  /** Ends the reservations of a permit; what comes back may serve somebody who waits. */
  settle(permit: HeldPermit, actual: ActualCost | undefined, now: number): void {
    for (let each = permit.reservation; each; each = each.next) each.settle(actual, now);
    this.serve(now);
  }

  /** Something has come back: it may serve somebody who waits. */
  serve(now: number): void {
    if (this.queued !== undefined && this.queued.length > 0) this.advance(now);
  }

  /** Serves those who wait, in their order, as far as it goes, and ends waits that are too long. */
  advance(now: number): void {
    this.nextAt = Infinity;
    if ((this.queued?.length ?? 0) === 0) {
      this.release();
      return;
    }
    for (const late of this.waiting.expire(now)) this.refuseLate(late, now);
    this.release();
    for (const place of this.waiting.all()) {
      // One that was served may have made another leave.
      if (!this.waiting.has(place)) continue;
      if (this.tryTake(place.item.permit, now) === undefined) {
        this.waiting.leave(place);
        place.item.proceed(now);
        continue;
      }
      this.await();
      this.plan(Math.min(place.deadlineAt, now + this.wait(now)));
    }
  }

  /** Refuses those who would not get this far any more. */
  recheck(now: number): void {
    for (const { item } of this.queued?.all() ?? []) item.recheck(now);
  }

  private get waiting(): WaitQueue<PlaceInStage> {
    return (this.queued ??= new WaitQueue());
  }

  /** Takes for a permit; answers the limit to wait for longest if that is not possible. */
  private tryTake(permit: HeldPermit, now: number): Limiter | undefined {
    // Counted loops, because every call comes by here.
    const { limiters } = this;
    let covered = true;
    for (let i = 0; i < limiters.length; i += 1) {
      const limiter = limiters[i]!;
      limiter.ask(permit.asked, now);
      covered &&= limiter.covered;
    }
    const lacking = covered ? undefined : this.lacking(now);
    if (lacking !== undefined) return lacking;
    for (let i = 0; i < limiters.length; i += 1) {
      const limiter = limiters[i]!;
      if (limiter.covered) permit.reservation = limiter.take(permit.reservation, now);
      else limiter.refused(now);
    }
    return undefined;
  }

  /** Of the limits asked last, the one that does not cover the call and has to be waited for longest. */
  private lacking(now: number): Limiter | undefined {
    let longest: Limiter | undefined;
    for (const limiter of this.limiters) {
      if (limiter.covered || limiter.shadow) continue;
      if (longest === undefined || limiter.wait(now) > longest.wait(now)) longest = limiter;
    }
    return longest;
  }

  /** Time until all that was asked last is covered, at least one millisecond. */
  private wait(now: number): number {
    return Math.max(1, this.lacking(now)?.wait(now) ?? 0);
  }

  /** How long what was asked last may wait: as long as every limit that it lacks allows. */
  private maxWait(): number {
    let ms = Infinity;
    for (const limiter of this.limiters) {
      if (!limiter.covered && !limiter.shadow) ms = Math.min(ms, limiter.maxWaitMs);
    }
    return ms;
  }

  /** Those behind do not take what was asked last and is lacking. */
  private await(): void {
    for (const limiter of this.limiters) if (!limiter.covered && !limiter.shadow) limiter.reserve();
  }

  private release(): void {
    for (const limiter of this.limiters) limiter.release();
  }

  private plan(at: number): void {
    this.nextAt = Math.min(this.nextAt, at);
    this.arm(this.nextAt);
  }

  private refuseLate(late: PlaceInStage, now: number): void {
    for (const limiter of this.limiters) limiter.ask(late.permit.asked, now);
    const { deadlineAt = Infinity } = late.permit.asked!;
    const { target } = this;
    const limiter = this.lacking(now) ?? this.limiters[0];
    if (deadlineAt <= now || !limiter) {
      late.refuse({ reason: 'Timeout', target, retryAfterMs: 0 }, now);
    } else late.refuse(this.reject(limiter, now), now);
  }

  private reject(limiter: Limiter, now: number): Rejection {
    limiter.refused(now);
    return this.rejection(limiter, now);
  }

  private rejection(limiter: Limiter, now: number): Rejection {
    return {
      reason: 'RateLimited',
      target: this.target,
      policy: limiter.policy,
      limit: limiter.name,
      retryAfterMs: Math.max(1, limiter.wait(now)),
    };
  }
}
