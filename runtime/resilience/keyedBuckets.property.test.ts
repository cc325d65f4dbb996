import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from '../../test/property.ts';
import { Bucket } from './bucket.ts';
import { KeyedBuckets, ownBucket } from './keyedBuckets.ts';
import type { BucketSpec } from './bucket.ts';

type Step =
  | { do: 'acquire'; key: string; cost: number }
  | { do: 'settle'; call: number; used: number }
  | { do: 'wait'; ms: number }
  | { do: 'apply'; spec: BucketSpec; maxKeys: number };

const spec: fc.Arbitrary<BucketSpec> = fc.record({
  amount: fc.integer({ min: 1, max: 20 }),
  perMs: fc.constantFrom(10, 100, 1000),
  capacity: fc.integer({ min: 1, max: 12 }),
});
const maxKeys = fc.integer({ min: 1, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      key: fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f', 'g'),
      cost: fc.nat({ max: 15 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      call: fc.nat({ max: 5 }),
      used: fc.nat({ max: 15 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 7, 100, 999, 20_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), spec, maxKeys }) },
);
const trace = fc.array(step, { minLength: 10, maxLength: 80, size: 'max' });

/** A bucket that knows whether it was unused when it was last asked. Only then may it be evicted, which loses nothing. */
class Evictable extends Bucket {
  wasUnused = false;

  override isUnused(now: number): boolean {
    this.wasUnused = super.isUnused(now);
    return this.wasUnused;
  }
}

/**
 * A bucket by key beside a Bucket that the key would have alone, which bucket.property.test.ts
 * compares with a ledger. A key that gets a bucket anew starts with a new one.
 */
class Pair {
  now = 0;
  max: number;
  shared = 0;
  readonly keyed: KeyedBuckets<Evictable>;
  #spec: BucketSpec;
  readonly #own = new Map<string, { bucket: Evictable; model: Bucket }>();
  readonly #sharedModel: Bucket;
  readonly #open: { key: string; bucket: Bucket; model: Bucket; reserved: number }[] = [];

  constructor(initial: BucketSpec, max: number) {
    this.#spec = initial;
    this.max = max;
    this.keyed = new KeyedBuckets(initial, max, 0, (made, now) => new Evictable(made, now));
    this.#sharedModel = new Bucket(initial, 0);
  }

  /** What both answer, to be equal. */
  take(next: Step): [unknown, unknown] {
    const { keyed, now } = this;
    if (next.do === 'wait') this.now += next.ms;
    if (next.do === 'apply') this.#apply(next.spec, next.maxKeys);
    if (next.do === 'settle') return this.#settle(next.call, next.used);
    if (next.do !== 'acquire') return [0, 0];
    const { key, cost } = next;
    const bucket = keyed.of(key, now);
    const model = this.#modelOf(key, bucket);
    const waits: [number, number] = [bucket.wait(cost, now), model.wait(cost, now)];
    if (waits[0] !== 0 || waits[1] !== 0) return waits;
    const reserved: [number, number] = [bucket.take(cost, now), model.take(cost, now)];
    this.#open.push({ key, bucket, model, reserved: reserved[1] });
    return [
      [reserved[0], rounded(bucket.level(now))],
      [reserved[1], rounded(model.level(now))],
    ];
  }

  /** Keys with something to settle that have lost their bucket. */
  lost(): string[] {
    const own = this.#open.filter(({ bucket }) => bucket !== this.keyed.shared);
    return own
      .filter(({ key, bucket }) => this.keyed.of(key, this.now) !== bucket)
      .map(({ key }) => key);
  }

  #apply(next: BucketSpec, max: number): void {
    this.#spec = next;
    this.max = max;
    this.keyed.apply(next, max, this.now);
    this.#sharedModel.apply(next, this.now);
    for (const { model } of this.#own.values()) model.apply(next, this.now);
  }

  #settle(call: number, used: number): [unknown, unknown] {
    const [found] = this.#open.splice(-1 - call, 1);
    if (!found) return [0, 0];
    const { bucket, model, reserved } = found;
    bucket.settle(reserved, used, this.now);
    model.settle(reserved, used, this.now);
    return [rounded(bucket.level(this.now)), rounded(model.level(this.now))];
  }

  #modelOf(key: string, bucket: Evictable): Bucket {
    const before = this.#own.get(key);
    if (before?.bucket === bucket) return before.model;
    if (before && !before.bucket.wasUnused) throw new Error(`${key} lost its bucket`);
    this.#own.delete(key);
    if (bucket === this.keyed.shared) {
      this.shared += 1;
      return this.#sharedModel;
    }
    for (const [other, own] of this.#own) {
      if (own.bucket === bucket) throw new Error(`${key} has the bucket of ${other}`);
    }
    const model = new Bucket(this.#spec, this.now);
    this.#own.set(key, { bucket, model });
    return model;
  }
}

function rounded(level: number): number {
  return Math.round(level * 1e6) / 1e6;
}

const RUNS = { numRuns: 2000 };

describe('for any trace of calls by key, clock steps and reloads', () => {
  it('every key has its own bucket or shares one, and only full buckets are evicted', () => {
    let shared = 0;
    const property = fc.property(spec, maxKeys, trace, (initial, max, steps) => {
      const pair = new Pair(initial, max);
      for (const next of steps) {
        const [ours, said] = pair.take(next).map(String);
        if (ours !== said) throw new Error(`${ours}, but a bucket says ${said}`);
      }
      shared += pair.shared;
    });
    fc.assert(property, RUNS);
    expect(shared).toBeGreaterThan(RUNS.numRuns);
  });

  it('no bucket with a reservation is evicted, and there are never more than maxKeys', () => {
    const property = fc.property(spec, maxKeys, trace, (initial, max, steps) => {
      const pair = new Pair(initial, max);
      let most = max;
      for (const next of steps) {
        pair.take(next);
        most = Math.max(pair.max, Math.min(most, pair.keyed.size));
        if (pair.keyed.size > most) throw new Error(`${pair.keyed.size} keys of ${most}`);
        if (pair.lost().length > 0) throw new Error(`lost ${pair.lost().join()}`);
      }
    });
    fc.assert(property, RUNS);
  });
});

describe('the work for a key', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([100, 10_000, 100_000])(
    'with %d keys is a look-up for a known one and eight examined buckets for a new one',
    (keys) => {
      const examined = jest.spyOn(Bucket.prototype, 'isUnused');
      const buckets = new KeyedBuckets({ amount: 1, perMs: 1e9, capacity: 5 }, keys, 0, ownBucket);
      for (let i = 0; i < keys; i += 1) buckets.of(`key-${i}`, 0).take(1, 0);
      for (let i = 0; i < keys; i += 1) buckets.of(`key-${i}`, 0);
      expect([examined.mock.calls.length, buckets.size]).toEqual([0, keys]);
      for (let i = 0; i < 1000; i += 1) {
        expect(buckets.of(`flood-${i}`, 0) === buckets.shared).toBe(true);
        expect(examined.mock.calls.length).toBe(8 * (i + 1));
      }
    },
  );

  it('is bounded: as many new keys as there are keys find every unused bucket', () => {
    const keys = 80;
    const buckets = new KeyedBuckets({ amount: 1, perMs: 1e9, capacity: 5 }, keys, 0, ownBucket);
    for (let i = 0; i < keys; i += 1) {
      const bucket = buckets.of(`key-${i}`, 0);
      if (i % 2 === 1) bucket.take(1, 0);
    }
    for (let i = 0; i < 40; i += 1) {
      const bucket = buckets.of(`new-${i}`, 0);
      expect(bucket === buckets.shared).toBe(false);
      bucket.take(1, 0);
    }
    expect(buckets.of('one-more', 0) === buckets.shared).toBe(true);
    expect(buckets.size).toBe(keys);
  });
});
