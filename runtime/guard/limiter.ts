import { createHash } from 'node:crypto';
import { Bucket, BUCKET_CELLS, takeOne } from '../resilience/bucket.ts';
import { KeyedBuckets, SHARED_ROW } from '../resilience/keyedBuckets.ts';
import { rowOf } from '../resilience/rows.ts';
import { costOf, KeyedReservation, Reservation } from './reservation.ts';
import type { BucketSpec } from '../resilience/bucket.ts';
import type { Row } from '../resilience/rows.ts';
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

/** What of a limit outlives the process: the level of its bucket. Buckets by key are not kept. */
export interface LimitSnapshot {
  target: string;
  name: string;
  resource: string;
  level: number;
}

// Columns, behind those of the bucket.
/** Calls that asked. */
const REQUESTS = BUCKET_CELLS;
/** 1 while every call takes one token of the one bucket, and nobody waits for it. */
const BY_ONE = BUCKET_CELLS + 1;
/** Numbers of a limit in a row. */
export const LIMIT_CELLS = BUCKET_CELLS + 2;

/** Counts a request and takes its token, if it is there for certain; false, and nothing is counted, otherwise. */
export function takeRequest(cells: Float64Array, at: number, now: number): boolean {
  if (cells[at + BY_ONE] !== 1 || !takeOne(cells, at, now)) return false;
  cells[at + REQUESTS]! += 1;
  return true;
}

/** The buckets of one limit, with what is told about it. */
export class Limiter {
  // Of the call that is being decided; valid until the next `ask`.
  covered = false;
  private cost = 0;
  /** Which of the buckets by key. */
  private key = SHARED_ROW;
  /** Where its numbers stand. */
  readonly row: Row;
  private limit: Limit;
  private resource: Resource;
  private single: Bucket | undefined;
  private keyed: KeyedBuckets | undefined;
  private rejected = 0;
  private rejectedAt = -Infinity;
  /** The limit of the provider itself. */
  private most = Infinity;
  /** Of the buckets by key, the one that was used most of those asked lately: it is shown. */
  private fullest = SHARED_ROW;
  /** Buckets that somebody waits for, and that nobody is to take from before. */
  private awaited: Set<number> | undefined;

  constructor(limit: Limit, now: number, row: Row = rowOf(LIMIT_CELLS)) {
    this.row = row;
    this.limit = limit;
    this.resource = limit.resource as Resource;
    this.single = new Bucket(this.bucketSpec(), now, row);
    this.apply(limit, now);
  }

  /** Keys with a bucket of their own. */
  get keys(): number {
    return this.keyed?.size ?? 0;
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
    const spec = this.bucketSpec();
    if (limit.key === undefined) {
      this.single?.apply(spec, now);
      this.note();
      return;
    }
    const maxKeys = limit.maxKeys ?? DEFAULT_MAX_KEYS;
    this.single = undefined;
    this.note();
    this.keyed ??= new KeyedBuckets(spec, maxKeys, now);
    this.keyed.apply(spec, maxKeys, now);
  }

  /** Counts a request that asked. */
  counted(): void {
    this.row.cells[this.row.at + REQUESTS]! += 1;
  }

  /** Looks whether its bucket covers a call. Takes nothing. */
  ask(asked: Asked | undefined, now: number): void {
    this.cost = costOf(this.resource, asked?.cost);
    if (this.keyed !== undefined) this.askByKey(this.keyed, asked, now);
    else this.covered = this.single!.wait(this.cost, now) === 0;
    if (this.awaited !== undefined && this.awaited.has(this.key)) this.covered = false;
  }

  private askByKey(keyed: KeyedBuckets, asked: Asked | undefined, now: number): void {
    const row = keyed.of(keyOf(this.limit, asked), now);
    this.key = row;
    this.covered = keyed.wait(this.cost, now, row) === 0;
    if (row !== this.fullest && keyed.level(now, row) <= keyed.level(now, this.fullest)) {
      this.fullest = row;
    }
  }

  /** Nobody is to take from the bucket that was asked last, until `release`. */
  reserve(): void {
    (this.awaited ??= new Set()).add(this.key);
    this.note();
  }

  /** Nobody waits any more. */
  release(): void {
    if (this.awaited === undefined) return;
    this.awaited = undefined;
    this.note();
  }

  /** Notes whether a call takes one token and that is all; to be called when that may change. */
  private note(): void {
    const byOne =
      this.single !== undefined && this.resource === 'Requests' && this.awaited === undefined;
    this.row.cells[this.row.at + BY_ONE] = byOne ? 1 : 0;
  }

  /** Time until what was asked last is covered, in milliseconds. */
  wait(now: number): number {
    const { keyed, cost } = this;
    return keyed === undefined ? this.single!.wait(cost, now) : keyed.wait(cost, now, this.key);
  }

  /** Takes what was asked for. */
  take(next: Reservation | undefined, now: number): Reservation {
    const { keyed, cost, key, resource } = this;
    if (keyed === undefined) {
      const single = this.single!;
      return new Reservation(single, resource, single.take(cost, now), next);
    }
    const reserved = keyed.take(cost, now, key);
    return new KeyedReservation(keyed, resource, reserved, next, key);
  }

  /**
   * The provider says that no more than this is left, and that there can be no more than its limit,
   * which holds until it says otherwise. Of keys it says nothing.
   */
  learn({ resource, remaining, limit }: Remaining, now: number): void {
    if (resource !== this.resource || this.single === undefined) return;
    if (limit !== undefined && limit !== this.most) this.bound(limit, now);
    this.single.cap(remaining, now);
  }

  /** The provider has another credential to go by, of which it has said nothing yet. */
  forget(now: number): void {
    if (this.most < Infinity) this.bound(Infinity, now);
  }

  private bound(most: number, now: number): void {
    this.most = most;
    this.single?.apply(this.bucketSpec(), now);
  }

  private bucketSpec(): BucketSpec {
    const { refill, capacity } = this.limit;
    return { amount: refill.amount, perMs: refill.perMs, capacity: Math.min(capacity, this.most) };
  }

  /** What is to be kept over a restart; undefined when there is nothing, as with a full bucket. */
  snapshot(now: number): LimitSnapshot | undefined {
    const level = this.single?.level(now);
    if (level === undefined || level >= this.bucketSpec().capacity) return undefined;
    const { target, name, resource } = this.limit;
    return { target, name, resource, level };
  }

  /** Whether that was saved of a limit like this one. */
  continues({ name, resource }: LimitSnapshot): boolean {
    return (
      this.single !== undefined && this.limit.name === name && this.limit.resource === resource
    );
  }

  /** Takes up what was saved `ageMs` ago by the process before. */
  restore({ level }: LimitSnapshot, ageMs: number, now: number): void {
    this.single?.restore(level, ageMs, now);
  }

  /** Level of the bucket that is shown. */
  private shown(now: number): number {
    return this.single?.level(now) ?? this.keyed!.level(now, this.fullest);
  }

  /** Counts a request that was rejected because of this limit. */
  refused(now: number): void {
    this.rejected += 1;
    this.rejectedAt = now;
  }

  status(now: number): LimitStatus {
    const { target, policy, name } = this.limit;
    const { capacity } = this.bucketSpec();
    const used = (100 * (capacity - this.shown(now))) / capacity;
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
      requests: this.row.cells[this.row.at + REQUESTS]!,
      rejected: this.rejected,
      tokens: this.shown(now),
      keys: this.keys,
    };
  }
}

function keyOf({ key }: Limit, asked: Asked | undefined): string {
  const name = key!.principal === true ? PRINCIPAL : (key!.header ?? '');
  const value = asked?.header?.(name) ?? '';
  if (value.length <= MAX_KEY_LENGTH) return value;
  return `sha256:${createHash('sha256').update(value).digest('base64url')}`;
}
