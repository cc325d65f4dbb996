import { describe, expect, it } from '@jest/globals';
import { acquire } from '../testing/bucketCall.ts';
import { Bucket } from './bucket.ts';
import type { BucketSpec } from './bucket.ts';

/** 10 tokens per second, bursts of 5. */
const SPEC: BucketSpec = { amount: 10, perMs: 1000, capacity: 5 };

function drained(spec: BucketSpec = SPEC): Bucket {
  const bucket = new Bucket(spec, 0);
  bucket.take(spec.capacity, 0);
  return bucket;
}

describe('a bucket', () => {
  it('begins full and never exceeds its capacity', () => {
    const bucket = new Bucket(SPEC, 0);
    expect(bucket.level(0)).toBe(5);
    expect(bucket.level(1_000_000)).toBe(5);
  });

  it('refills continuously, also by fractions of a token', () => {
    const bucket = drained();
    expect(bucket.level(50)).toBe(0.5);
    expect(acquire(bucket, 1, 99).kind).toBe('Rejection');
    expect(acquire(bucket, 1, 100)).toEqual({ kind: 'Permit', reserved: 1 });
  });

  it.each([
    [1, 0, 100],
    [1, 30, 70],
    [1, 99.5, 1],
    [3, 100, 200],
    [50, 0, 500],
  ])('rejects a cost of %d at %d ms with %d ms to wait', (cost, now, retryAfterMs) => {
    const bucket = drained();
    expect(acquire(bucket, cost, now)).toEqual({ kind: 'Rejection', retryAfterMs });
    expect(acquire(bucket, cost, now + retryAfterMs).kind).toBe('Permit');
  });

  it('takes no tokens when it rejects', () => {
    const bucket = drained();
    for (let i = 0; i < 10; i += 1) acquire(bucket, 2, 150);
    expect(bucket.level(150)).toBe(1.5);
  });

  it('takes the whole bucket for a cost above the capacity, so that such calls can succeed', () => {
    expect(acquire(new Bucket(SPEC, 0), 1000, 0)).toEqual({ kind: 'Permit', reserved: 5 });
  });

  it('does not change when time goes back', () => {
    const bucket = drained();
    acquire(bucket, 1, 100);
    expect(bucket.level(50)).toBe(0);
    bucket.take(0, 50);
    expect(bucket.level(100)).toBe(0);
  });

  it('admits at the exact rate for ever, despite fractions', () => {
    const bucket = drained({ amount: 7, perMs: 1000, capacity: 3 });
    let admitted = 0;
    for (let now = 0.1; now <= 100_000.2; now += 0.7) {
      if (acquire(bucket, 1, now).kind === 'Permit') admitted += 1;
    }
    expect(admitted).toBe(700);
  });
});

describe('another spec', () => {
  it.each([
    ['more capacity makes no tokens', { ...SPEC, capacity: 100 }, 2],
    ['less capacity spills', { ...SPEC, capacity: 1 }, 1],
    ['another rate keeps the level', { ...SPEC, amount: 1000 }, 2],
  ])('%s', (_name, spec, level) => {
    const bucket = new Bucket(SPEC, 0);
    bucket.take(3, 0);
    bucket.apply(spec, 0);
    expect(bucket.level(0)).toBe(level);
  });

  it('refills by the old rate up to the change and by the new one from then on', () => {
    const bucket = drained();
    bucket.apply({ ...SPEC, amount: 1 }, 200);
    expect(bucket.level(200)).toBe(2);
    expect(bucket.level(1200)).toBe(3);
  });
});

describe('a reservation', () => {
  it('returns unused tokens, and never more than there is room for', () => {
    const bucket = drained();
    bucket.settle(5, 2, 0);
    expect(bucket.level(0)).toBe(3);
    bucket.take(1, 0);
    bucket.settle(1, 0, 1_000_000);
    expect(bucket.level(1_000_000)).toBe(5);
  });

  it('takes additional usage from the bucket, even below zero', () => {
    const bucket = drained();
    bucket.settle(5, 9, 0);
    expect([bucket.level(0), bucket.wait(1, 0)]).toEqual([-4, 500]);
  });

  it('keeps the bucket from counting as unused until it is settled', () => {
    const bucket = new Bucket(SPEC, 0);
    const reserved = bucket.take(1, 0);
    expect(bucket.isUnused(1000)).toBe(false);
    bucket.settle(reserved, 1, 1000);
    expect(bucket.isUnused(1000)).toBe(true);
  });
});
