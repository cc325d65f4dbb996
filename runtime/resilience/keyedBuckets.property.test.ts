import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Bucket } from './bucket.ts';
import { KeyedBuckets, SHARED_ROW } from './keyedBuckets.ts';
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

/** Beside each row a Bucket, which is proven by a ledger. A key that gets a row anew has a new one. */
class Pair {
  now = 0;
  max: number;
  shared = 0;
  readonly keyed: KeyedBuckets;
  private spec: BucketSpec;
  private readonly own = new Map<number, { key: string; bucket: Bucket }>();
  private readonly sharedBucket: Bucket;
  private readonly open: { key: string; row: number; bucket: Bucket; reserved: number }[] = [];

  constructor(initial: BucketSpec, max: number) {
    this.spec = initial;
    this.max = max;
    this.keyed = new KeyedBuckets(initial, max, 0);
    this.sharedBucket = new Bucket(initial, 0);
  }

  /** What the two say, to be equal. */
  take(next: Step): [unknown, unknown] {
    const { keyed, now } = this;
    if (next.do === 'wait') this.now += next.ms;
    if (next.do === 'apply') this.apply(next.spec, next.maxKeys);
    if (next.do === 'settle') return this.settle(next.call, next.used);
    if (next.do !== 'acquire') return [0, 0];
    const { key, cost } = next;
    const before = keyed.size;
    const row = keyed.of(key, now);
    const bucket = this.bucketOf(key, row, keyed.size > before);
    const waits: [number, number] = [keyed.wait(cost, now, row), bucket.wait(cost, now)];
    if (waits[0] !== 0 || waits[1] !== 0) return waits;
    const reserved: [number, number] = [keyed.take(cost, now, row), bucket.take(cost, now)];
    this.open.push({ key, row, bucket, reserved: reserved[1] });
    return [
      [reserved[0], this.level(row)],
      [reserved[1], rounded(bucket.level(now))],
    ];
  }

  /** Keys with something to settle that have lost their row. */
  lost(): string[] {
    const own = this.open.filter(({ row }) => row !== SHARED_ROW);
    return own.filter(({ key, row }) => this.keyed.of(key, this.now) !== row).map(({ key }) => key);
  }

  private apply(next: BucketSpec, max: number): void {
    this.spec = next;
    this.max = max;
    this.keyed.apply(next, max, this.now);
    this.sharedBucket.apply(next, this.now);
    for (const { bucket } of this.own.values()) bucket.apply(next, this.now);
  }

  private settle(call: number, used: number): [unknown, unknown] {
    const [found] = this.open.splice(-1 - call, 1);
    if (!found) return [0, 0];
    const { row, bucket, reserved } = found;
    this.keyed.settle(reserved, used, this.now, row);
    bucket.settle(reserved, used, this.now);
    return [this.level(row), rounded(bucket.level(this.now))];
  }

  private bucketOf(key: string, row: number, added: boolean): Bucket {
    if (row === SHARED_ROW) {
      this.shared += 1;
      return this.sharedBucket;
    }
    const found = this.own.get(row);
    if (found?.key === key && !added) return found.bucket;
    // Whoever had the row before has lost nothing by it.
    if (found && !added && !found.bucket.isUnused(this.now)) throw new Error(`${key} evicted`);
    const bucket = new Bucket(this.spec, this.now);
    this.own.set(row, { key, bucket });
    return bucket;
  }

  private level(row: number): number {
    return rounded(this.keyed.level(this.now, row));
  }
}

function rounded(level: number): number {
  return Math.round(level * 1e6) / 1e6;
}

const RUNS = { numRuns: 2000 };

describe('for any trace of calls by key, clock steps and reloads', () => {
  it('every key has what a bucket of its own has, or shares one, and only full ones make room', () => {
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

  it('nobody loses a bucket while something of it is reserved, and there are never more than maxKeys', () => {
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

describe('work for a key', () => {
  it('does not grow with the keys: a look-up for a known one, at most eight more for a new one', () => {
    const work = (keys: number): number => {
      const buckets = new KeyedBuckets({ amount: 1, perMs: 1e9, capacity: 5 }, keys, 0);
      for (let i = 0; i < keys; i += 1) buckets.take(1, 0, buckets.of(`key-${i}`, 0));
      expect(buckets.looks).toBe(0);
      for (let i = 0; i < keys; i += 1) buckets.of(`key-${i}`, 0);
      expect([buckets.looks, buckets.size]).toEqual([0, keys]);
      for (let i = 0; i < 1000; i += 1) {
        const before = buckets.looks;
        expect(buckets.of(`flood-${i}`, 0)).toBe(SHARED_ROW);
        if (buckets.looks - before > 8) throw new Error('more than eight were looked at');
      }
      return buckets.looks;
    };
    expect([work(100), work(10_000), work(100_000)]).toEqual([8000, 8000, 8000]);
  });
});
