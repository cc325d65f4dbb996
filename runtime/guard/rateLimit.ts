import { createHash } from 'node:crypto';
import type { Block } from '../resilience/block.ts';
import { StoredBucket } from '../resilience/storedBucket.ts';
import type { StoredSpec } from '../resilience/storedBucket.ts';
import { Bucket } from '../resilience/bucket.ts';
import { KeyedBuckets, ownBucket } from '../resilience/keyedBuckets.ts';
import { PRINCIPAL, REFUND } from './admission.ts';
import type { BucketSpec, RemoteTokens, Tokens } from '../resilience/bucket.ts';
import type { Limit, LimitStatus } from '../../contract/generated/types.ts';
import type { ActualCost, Asked, Cost, Resource } from './admission.ts';
import type { GuardContext } from './guardContext.ts';
import type { LimitStats } from './stats.ts';

/** A limit counts as limiting for this long after a rejection, in milliseconds. */
const LIMITING_MS = 10_000;
/** A longer key is kept as its hash, so that clients do not choose how much memory it takes. */
const MAX_KEY_LENGTH = 64;

/** The level of a bucket, which outlives the process. Buckets by key do not. */
export interface LimitSnapshot {
  target: string;
  name: string;
  resource: string;
  level: number;
}

/** One limit of a policy: a bucket, or a bucket for each key. */
export class RateLimit {
  resource: Resource;
  #limit: Limit;
  #single: Bucket | undefined;
  #keyed: KeyedBuckets | undefined;
  /** In place of `keyed` for a limit whose buckets all pods share in a store. */
  #stored: KeyedBuckets<StoredBucket, StoredSpec> | undefined;
  /** In place of `single` for a limit of the fleet. */
  #block: Block | undefined;
  readonly #context: Pick<GuardContext, 'fleet' | 'store' | 'listener'>;
  readonly #wake: (now: number) => void;
  /** Calls admitted or rejected. */
  requests = 0;
  #rejected = 0;
  #rejectedAt = -Infinity;
  /** In shadow mode: when the calls that would wait would be served. */
  #shadowQueue: number[] = [];
  /** Of the buckets by key that were asked lately, the lowest: status and metrics show it. */
  #lowest: Bucket | StoredBucket | undefined;

  /** @param wake looks at the calls that wait, always the same function for limits whose calls wait together */
  constructor(
    limit: Limit,
    context: Pick<GuardContext, 'fleet' | 'store' | 'listener'>,
    wake: (now: number) => void,
    now: number,
  ) {
    this.#limit = limit;
    this.#context = context;
    this.#wake = wake;
    this.resource = limit.resource as Resource;
    this.apply(limit, now);
  }

  get policy(): string {
    return this.#limit.policy;
  }

  get name(): string {
    return this.#limit.name;
  }

  /** Whether it decides and counts but never rejects. */
  get shadow(): boolean {
    return this.#limit.mode === 'Shadow';
  }

  get target(): string {
    return this.#limit.target;
  }

  /** How long a call waits for it at most, if it waits. */
  get maxWaitMs(): number {
    return this.#limit.maxWaitMs;
  }

  /** Whether a call waits for tokens, and not only for an answer. */
  get queues(): boolean {
    return this.#limit.onLimit === 'Queue';
  }

  /** The tokens of a limit of the fleet. */
  get ofFleet(): Block | undefined {
    return this.#block;
  }

  /** Whether this limit, under a new configuration, is `limit`. */
  continuesAs(limit: Limit): boolean {
    return (
      this.#limit.name === limit.name &&
      this.#limit.resource === limit.resource &&
      this.#limit.fleet?.store === limit.fleet?.store &&
      sameKey(this.#limit.key, limit.key)
    );
  }

  /** Replaces rate and capacity and keeps the level. */
  apply(limit: Limit, now: number): void {
    this.#limit = limit;
    const spec = this.#bucketSpec();
    if (limit.fleet?.store === 'Redis') {
      this.#applyStored({ ...limit, fleet: limit.fleet }, now);
      return;
    }
    if (limit.fleet !== undefined) {
      const blockSpec = { ...spec, ...limit.fleet, whole: limit.resource === 'Requests' };
      this.#block ??= this.#context.fleet.block(blockSpec, now);
      this.#block.apply(blockSpec, now);
      return;
    }
    if (limit.key === undefined) {
      this.#single ??= new Bucket(spec, now);
      this.#single.apply(spec, now);
      return;
    }
    const { maxKeys } = limit;
    this.#keyed ??= new KeyedBuckets(spec, maxKeys, now, ownBucket);
    this.#keyed.apply(spec, maxKeys, now);
  }

  /**
   * What a call needs of this limit, without taking it. A bucket in `awaited`, with the tokens that
   * waiting calls need of it, does not cover it, so that the call does not overtake them.
   */
  check(
    asked: Asked | undefined,
    awaited: ReadonlyMap<Tokens, number>,
    next: Reservation | undefined,
    now: number,
  ): Reservation {
    const bucket = this.#single ?? this.#block ?? this.#bucketOf(asked, now);
    const cost = costOf(this.resource, asked?.cost);
    const ahead = awaited.size === 0 ? undefined : awaited.get(bucket);
    const covered = ahead === undefined && bucket.wait(cost, now) === 0;
    return new Reservation(this, bucket, cost, ahead ?? 0, covered, next);
  }

  /** Whether each key has a bucket of its own. */
  get isKeyed(): boolean {
    return (this.#keyed ?? this.#stored) !== undefined;
  }

  /** Whether its buckets are in a store. */
  get isStored(): boolean {
    return this.#stored !== undefined;
  }

  /**
   * Whether Enforce would queue a call that is to wait for `waitMs` and serve it by `until`. It then
   * has a place in a queue of at most `maxQueued`, which exists only here.
   */
  wouldServe(waitMs: number, until: number, maxQueued: number, now: number): boolean {
    this.#shadowQueue = this.#shadowQueue.filter((servedAt) => servedAt > now);
    if (now + waitMs > until || this.#shadowQueue.length >= maxQueued) return false;
    this.#shadowQueue.push(now + waitMs);
    return true;
  }

  countRejection(now: number): void {
    const begins = !this.#isLimiting(now);
    this.#rejected += 1;
    this.#rejectedAt = now;
    if (!begins) return;
    const { target, policy, name } = this.#limit;
    this.#context.listener.limit?.({ target, policy, name });
  }

  /** What to keep over a restart; undefined for a full bucket and for buckets by key. */
  snapshot(now: number): LimitSnapshot | undefined {
    const level = this.#single?.level(now);
    if (level === undefined || level >= this.#bucketSpec().capacity) return undefined;
    const { target, name, resource } = this.#limit;
    return { target, name, resource, level };
  }

  /** Whether the snapshot is of a limit like this one. */
  matches({ name, resource }: LimitSnapshot): boolean {
    return (
      this.#single !== undefined && this.#limit.name === name && this.#limit.resource === resource
    );
  }

  /** Continues with the level of `ageMs` ago. */
  restore({ level }: LimitSnapshot, ageMs: number, now: number): void {
    this.#single?.restore(level, ageMs, now);
  }

  status(now: number): LimitStatus {
    const { target, policy, name } = this.#limit;
    const { capacity } = this.#bucketSpec();
    const used = this.#block?.shareUsed(now) ?? (capacity - this.#shownLevel(now)) / capacity;
    return {
      target,
      policy,
      name,
      usedPercent: Math.min(100, Math.max(0, Math.round(100 * used))),
      rejected: this.#rejected,
      limiting: this.#isLimiting(now),
      ...(this.#limit.override !== undefined && { overridden: true }),
    };
  }

  #isLimiting(now: number): boolean {
    return now - this.#rejectedAt < LIMITING_MS;
  }

  stats(now: number): LimitStats {
    const { target, policy, name: limit, resource, capacity } = this.#limit;
    const { requests } = this;
    const rejected = this.#rejected;
    const [tokens, keys] = [this.#shownLevel(now), (this.#keyed ?? this.#stored)?.size ?? 0];
    const fleet = this.#block && {
      blocks: this.#block.blocks,
      waitSeconds: this.#block.waitSeconds,
      safeSeconds: this.#block.safeSeconds(now),
    };
    return {
      ...{ target, policy, limit, resource, requests, rejected, tokens, capacity, keys },
      ...(fleet && { fleet }),
    };
  }

  #applyStored(limit: Limit & { fleet: NonNullable<Limit['fleet']> }, now: number): void {
    const { maxKeys, mode, resource, target, name } = limit;
    const { withoutLeader, maxPods } = limit.fleet;
    const spec: StoredSpec = {
      ...this.#bucketSpec(),
      ...{ withoutLeader, maxPods },
      whole: resource === 'Requests',
      shadow: mode === 'Shadow',
    };
    const wake = this.#wake;
    const { store } = this.#context;
    const by = limit.key?.type === 'Client' ? PRINCIPAL : (limit.key?.header ?? '');
    const prefix = `limit:${target}:${name}:${resource}:${by}:`;
    this.#stored ??= new KeyedBuckets<StoredBucket, StoredSpec>(
      spec,
      maxKeys,
      now,
      (each, _now, key) => new StoredBucket(prefix + idOf(key), each, { store, wake }),
    );
    this.#stored.apply(spec, maxKeys, now);
  }

  #bucketOf(asked: Asked | undefined, now: number): Bucket | StoredBucket {
    const bucket = (this.#keyed ?? this.#stored)!.of(keyOf(this.#limit, asked), now);
    if (this.#lowest === undefined || shownLevel(bucket, now) <= shownLevel(this.#lowest, now)) {
      this.#lowest = bucket;
    }
    return bucket;
  }

  #shownLevel(now: number): number {
    return shownLevel(
      this.#single ?? this.#block ?? this.#lowest ?? (this.#keyed ?? this.#stored)!.shared,
      now,
    );
  }

  #bucketSpec(): BucketSpec {
    const { refill, capacity } = this.#limit;
    return { amount: refill.amount, perMs: refill.perMs, capacity };
  }
}

/** What a call needs of one limit and, once taken, holds until it is settled. */
export class Reservation {
  readonly limit: RateLimit;
  /** Whether the bucket covers it. */
  readonly covered: boolean;
  /** Whether this and all following reservations are covered. */
  readonly allCovered: boolean;
  /** The reservation at the next limit of the configuration. */
  readonly next: Reservation | undefined;
  readonly bucket: Tokens;
  readonly #cost: number;
  /** Tokens that calls need which wait for the same bucket and came before. */
  readonly #ahead: number;
  /** Undefined until it takes tokens. */
  #reserved: number | undefined;

  constructor(
    limit: RateLimit,
    bucket: Tokens,
    cost: number,
    ahead: number,
    covered: boolean,
    next: Reservation | undefined,
  ) {
    this.limit = limit;
    this.bucket = bucket;
    this.#cost = cost;
    this.#ahead = ahead;
    this.covered = covered;
    this.allCovered = covered && next?.allCovered !== false;
    this.next = next;
    this.#reserved = undefined;
  }

  /** Whether it keeps the call from being admitted. */
  get blocks(): boolean {
    return !this.covered && !this.limit.shadow;
  }

  /** Tokens that it takes of the bucket. */
  get needed(): number {
    return this.bucket.bounded(this.#cost);
  }

  /** Milliseconds until the bucket covers it, after the calls that came before. */
  wait(now: number): number {
    return this.bucket.wait(this.#cost, now, this.#ahead);
  }

  /** The same at best: tokens that calls in flight do not use come back, but hardly ever requests. */
  soonest(now: number): number {
    if (this.limit.resource === 'Requests') return this.wait(now);
    return this.bucket.soonest(this.#cost, now, this.#ahead);
  }

  /** How long the call waits for it at most; 0 if it is rejected at once. Any call waits for an answer. */
  maxWaitMs(now: number): number {
    const waits = this.limit.queues || this.awaitsAnswer(now);
    return waits ? this.limit.maxWaitMs : 0;
  }

  /** Whether the call waits for an answer of the leader or of a store. */
  awaitsAnswer(now: number): boolean {
    return this.remote?.awaitsAnswer(this.#cost, now) === true;
  }

  /** Whether a call that waits for an answer only has got it, and no tokens. */
  isRefused(now: number): boolean {
    return !this.limit.queues && this.remote?.isRefused(this.#cost, now) === true;
  }

  /** Tokens that another process gives. */
  get remote(): RemoteTokens | undefined {
    const { limit, bucket } = this;
    return limit.ofFleet ?? (limit.isStored ? (bucket as StoredBucket) : undefined);
  }

  /** A call has come that needs it. */
  note(now: number): void {
    this.limit.requests += 1;
    this.limit.ofFleet?.note(this.#cost, now);
  }

  take(now: number): void {
    this.#reserved = this.bucket.take(this.#cost, now);
  }

  settle(actual: ActualCost | undefined, now: number): void {
    const reserved = this.#reserved;
    if (reserved === undefined) return;
    this.bucket.settle(reserved, used(this.limit.resource, reserved, actual), now);
  }
}

function used(resource: Resource, reserved: number, actual: ActualCost | undefined): number {
  if (actual === undefined) return reserved;
  if (actual === REFUND) return 0;
  const { inputTokens, outputTokens } = actual;
  switch (resource) {
    case 'Requests':
      return reserved;
    case 'InputTokens':
      return inputTokens ?? reserved;
    case 'OutputTokens':
      return outputTokens ?? reserved;
    case 'TotalTokens':
      return usedInTotal(inputTokens, outputTokens, reserved);
  }
}

function usedInTotal(
  input: number | undefined,
  output: number | undefined,
  reserved: number,
): number {
  if (input !== undefined && output !== undefined) return input + output;
  return Math.max(input ?? output ?? 0, reserved);
}

function costOf(resource: Resource, cost: Cost | undefined): number {
  if (resource === 'Requests') return 1;
  if (cost === undefined) return 0;
  if (resource === 'InputTokens') return cost.inputTokens;
  if (resource === 'OutputTokens') return cost.outputTokens;
  return cost.inputTokens + cost.outputTokens;
}

function sameKey(a: Limit['key'], b: Limit['key']): boolean {
  return a?.header === b?.header && a?.type === b?.type;
}

/** Names the bucket of a key in a store, where keys of clients are not to be read. */
function idOf(key: string | undefined): string {
  return key === undefined ? 'others' : createHash('sha256').update(key).digest('base64url');
}

function shownLevel(bucket: Tokens | StoredBucket, now: number): number {
  return bucket instanceof StoredBucket ? bucket.lastLevel(now) : bucket.level(now);
}

function keyOf({ key }: Limit, asked: Asked | undefined): string {
  if (key === undefined) return '';
  const name = key.type === 'Client' ? PRINCIPAL : (key.header ?? '');
  const value = asked?.header?.(name) ?? '';
  if (value.length <= MAX_KEY_LENGTH) return value;
  return `sha256:${createHash('sha256').update(value).digest('base64url')}`;
}
