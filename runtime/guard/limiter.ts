import { Bucket } from '../resilience/bucket.ts';
import type { BucketSpec } from '../resilience/bucket.ts';
import type { Limit, LimitStatus } from '../../contract/generated/types.ts';
import type { LimitStats } from './stats.ts';

/** A limit that rejected something within this time is limiting. */
const LIMITING_MS = 10_000;

/** The bucket of one limit, with what is told about it. */
export class Limiter {
  readonly bucket: Bucket;
  private limit: Limit;
  private requests = 0;
  private rejected = 0;
  private rejectedAt = -Infinity;

  constructor(limit: Limit, now: number) {
    this.limit = limit;
    this.bucket = new Bucket(bucketSpec(limit), now);
  }

  get policy(): string {
    return this.limit.policy;
  }

  get name(): string {
    return this.limit.name;
  }

  /** Puts another rate in force and keeps the level. */
  apply(limit: Limit, now: number): void {
    this.limit = limit;
    this.bucket.apply(bucketSpec(limit), now);
  }

  /** Counts a request that asked. */
  asked(): void {
    this.requests += 1;
  }

  /** Counts a request that was rejected because of this limit. */
  refused(now: number): void {
    this.rejected += 1;
    this.rejectedAt = now;
  }

  status(now: number): LimitStatus {
    const { target, policy, name, capacity } = this.limit;
    const used = (100 * (capacity - this.bucket.level(now))) / capacity;
    return {
      target,
      policy,
      name,
      usedPercent: Math.min(100, Math.max(0, Math.round(used))),
      rejected: this.rejected,
      limiting: now - this.rejectedAt < LIMITING_MS,
    };
  }

  stats(now: number): LimitStats {
    const { target, policy, name } = this.limit;
    const tokens = this.bucket.level(now);
    return {
      target,
      policy,
      limit: name,
      requests: this.requests,
      rejected: this.rejected,
      tokens,
    };
  }
}

function bucketSpec({ refill, capacity }: Limit): BucketSpec {
  return { amount: refill.amount, perMs: refill.perMs, capacity };
}
