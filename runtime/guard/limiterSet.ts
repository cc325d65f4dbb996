import { acquireAll } from '../resilience/bucketSet.ts';
import { Limiter } from './limiter.ts';
import type { Limit } from '../../contract/generated/types.ts';
import type { Rejection } from './admission.ts';

/** All limits of one target, in the order of the configuration. */
export class LimiterSet {
  readonly target: string;
  readonly limiters: readonly Limiter[];
  private readonly buckets;
  private readonly costs;

  /**
   * Limits that `before` has by the same name keep their state. Of limits with the same name (from
   * two policies), the first takes the state of the first, the second that of the second.
   */
  constructor(
    target: string,
    limits: readonly Limit[],
    before: LimiterSet | undefined,
    now: number,
  ) {
    const free = [...(before?.limiters ?? [])];
    this.target = target;
    this.limiters = limits.map((limit) => {
      const index = free.findIndex((each) => each.name === limit.name);
      const [kept] = index < 0 ? [] : free.splice(index, 1);
      if (!kept) return new Limiter(limit, now);
      kept.apply(limit, now);
      return kept;
    });
    this.buckets = this.limiters.map((each) => each.bucket);
    this.costs = this.limiters.map(() => 1);
  }

  /** Takes one request from every limit or from none; answers the rejection, if any. */
  acquire(now: number): Rejection | undefined {
    for (const limiter of this.limiters) limiter.asked();
    const answer = acquireAll(this.buckets, this.costs, now);
    if (answer.kind === 'Permit') return undefined;
    const limiter = this.limiters[answer.index]!;
    limiter.refused(now);
    return {
      reason: 'RateLimited',
      target: this.target,
      policy: limiter.policy,
      limit: limiter.name,
      retryAfterMs: answer.retryAfterMs,
    };
  }
}
