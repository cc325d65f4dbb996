import { createHash } from 'node:crypto';
import { Bucket } from '../resilience/bucket.ts';
import { KeyedBuckets } from '../resilience/keyedBuckets.ts';
import { costOf, Reservation } from './reservation.ts';
import type { BucketSpec } from '../resilience/bucket.ts';
import type { Limit, LimitStatus } from '../../contract/generated/types.ts';
import { PRINCIPAL } from './admission.ts';
import type { Asked } from './admission.ts';
import type { Remaining, Resource } from './reservation.ts';
import type { LimitStats } from './stats.ts';

/** A limit that rejected something within this time is limiting. */
const LIMITING_MS = 10_000;
const DEFAULT_MAX_KEYS = 10_000;
const DEFAULT_MAX_WAIT_MS = 2000;
/** A longer key is kept by its hash, so that callers do not choose how much memory it takes. */
const MAX_KEY_LENGTH = 64;

/** The buckets of one limit, with what is told about it. */
export class Limiter {
  /** What the call that is being decided takes, and from where; valid until the next `ask`. */
  bucket: Bucket;
  covered = false;
  private cost = 0;
  private limit: Limit;
  private resource: Resource;
  private single: Bucket | undefined;
  private keyed: KeyedBuckets | undefined;
  private requests = 0;
  private rejected = 0;
  private rejectedAt = -Infinity;
  /** The bucket that was used most, of those asked lately: what is shown of many. */
  private fullest: Bucket;

  constructor(limit: Limit, now: number) {
    this.limit = limit;
    this.resource = limit.resource as Resource;
    this.bucket = this.single = new Bucket(bucketSpec(limit), now);
    this.fullest = this.bucket;
    this.apply(limit, now);
  }

  get policy(): string {
    return this.limit.policy;
  }

  get name(): string {
    return this.limit.name;
  }

  /** Decides and counts, and never rejects. */
  get shadow(): boolean {
    return this.limit.mode === 'Shadow';
  }

  /** How long a call waits for it; 0 when it is rejected at once. */
  get maxWaitMs(): number {
    return this.limit.onLimit === 'Queue' ? (this.limit.maxWaitMs ?? DEFAULT_MAX_WAIT_MS) : 0;
  }

  /** Whether it goes on with what `before` counted. */
  follows(limit: Limit): boolean {
    return (
      this.limit.name === limit.name &&
      this.limit.resource === limit.resource &&
      this.limit.key?.header === limit.key?.header &&
      this.limit.key?.principal === limit.key?.principal
    );
  }

  /** Puts another rate in force and keeps the level. */
  apply(limit: Limit, now: number): void {
    this.limit = limit;
    this.resource = limit.resource as Resource;
    const spec = bucketSpec(limit);
    if (limit.key === undefined) {
      this.single?.apply(spec, now);
      return;
    }
    const maxKeys = limit.maxKeys ?? DEFAULT_MAX_KEYS;
    this.single = undefined;
    this.keyed ??= new KeyedBuckets(spec, maxKeys, now);
    this.keyed.apply(spec, maxKeys, now);
  }

  /** Counts a request that asked. */
  counted(): void {
    this.requests += 1;
  }

  /** Looks whether its bucket covers a call. Takes nothing. */
  ask(asked: Asked | undefined, now: number): void {
    const bucket = this.single ?? this.keyed!.of(keyOf(this.limit, asked), now);
    this.bucket = bucket;
    this.cost = costOf(this.resource, asked?.cost);
    this.covered = bucket.wait(this.cost, now) === 0;
    if (bucket !== this.fullest && bucket.level(now) <= this.fullest.level(now)) {
      this.fullest = bucket;
    }
  }

  /** Time until what was asked last is covered, in milliseconds. */
  wait(now: number): number {
    return this.bucket.wait(this.cost, now);
  }

  /** Takes what was asked for. */
  take(next: Reservation | undefined, now: number): Reservation {
    const reserved = this.bucket.take(this.cost, now);
    return new Reservation(this.bucket, this.resource, reserved, next);
  }

  /** The provider says that no more than this is left. Of keys it says nothing. */
  learn({ resource, remaining }: Remaining, now: number): void {
    if (resource === this.resource) this.single?.cap(remaining, now);
  }

  /** Counts a request that was rejected because of this limit. */
  refused(now: number): void {
    this.rejected += 1;
    this.rejectedAt = now;
  }

  status(now: number): LimitStatus {
    const { target, policy, name, capacity } = this.limit;
    const used = (100 * (capacity - this.fullest.level(now))) / capacity;
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
    return {
      target,
      policy,
      limit: name,
      requests: this.requests,
      rejected: this.rejected,
      tokens: this.fullest.level(now),
      keys: this.keyed?.size ?? 0,
    };
  }
}

function keyOf({ key }: Limit, asked: Asked | undefined): string {
  const name = key!.principal === true ? PRINCIPAL : (key!.header ?? '');
  const value = asked?.header?.(name) ?? '';
  if (value.length <= MAX_KEY_LENGTH) return value;
  return `sha256:${createHash('sha256').update(value).digest('base64url')}`;
}

function bucketSpec({ refill, capacity }: Limit): BucketSpec {
  return { amount: refill.amount, perMs: refill.perMs, capacity };
}
