import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { expectSame } from '../testing/same.ts';
import { acquire } from '../testing/bucketCall.ts';
import { Bucket } from './bucket.ts';
import type { BucketSpec } from './bucket.ts';

/** Divides by every perMs in the traces, so that whole numbers of such shares are exact. */
const SHARES = 60_000;

type Step =
  | { do: 'acquire'; cost: number }
  | { do: 'settle'; call: number; used: number }
  | { do: 'wait'; ms: number }
  | { do: 'apply'; spec: BucketSpec };

const spec: fc.Arbitrary<BucketSpec> = fc.record({
  amount: fc.integer({ min: 1, max: 20 }),
  perMs: fc.constantFrom(1, 10, 100, 1000, 60_000),
  capacity: fc.integer({ min: 1, max: 12 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('acquire' as const), cost: fc.nat({ max: 15 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 1, 2, 5, 17, 30, 100, 999, 1000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      call: fc.nat({ max: 3 }),
      used: fc.nat({ max: 15 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const), spec }) },
);
const trace = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' });

/** The naive ledger: every entry is kept, in whole shares of a token, millisecond by millisecond. */
class Ledger {
  #spec: BucketSpec;
  #shares: number;
  /** Reservations that are not settled yet. */
  readonly #open: number[] = [];
  /** Admitted cost less refunds, what the rate gave and the largest capacity in force, per step. */
  readonly entries: { admitted: number; given: number; capacity: number }[] = [];

  constructor(initial: BucketSpec) {
    this.#spec = initial;
    this.#shares = initial.capacity * SHARES;
  }

  take(next: Step): unknown {
    const entry = { admitted: 0, given: 0, capacity: this.#spec.capacity };
    this.entries.push(entry);
    if (next.do === 'apply') {
      this.#spec = next.spec;
      this.#shares = Math.min(this.#shares, next.spec.capacity * SHARES);
      return undefined;
    }
    if (next.do === 'wait') {
      entry.given = (next.ms * this.#spec.amount) / this.#spec.perMs;
      for (let i = 0; i < next.ms; i += 1) this.#pass();
      return undefined;
    }
    if (next.do === 'settle') {
      entry.admitted = this.#settle(next);
      return undefined;
    }
    const cost = Math.min(next.cost, this.#spec.capacity);
    if (this.#shares < cost * SHARES) return { rejected: this.#wait(cost) };
    entry.admitted = cost;
    this.#shares -= cost * SHARES;
    this.#open.push(cost);
    return { admitted: cost };
  }

  /** Answers what was used beyond the reservation; below zero: what came back. */
  #settle({ call, used }: { call: number; used: number }): number {
    const at = this.#open.length - 1 - call;
    if (at < 0) return 0;
    const reserved = this.#open.splice(at, 1)[0]!;
    const full = this.#spec.capacity * SHARES;
    this.#shares = Math.min(full, this.#shares + (reserved - used) * SHARES);
    return Math.min(0, used - reserved);
  }

  level(): number {
    return this.#shares / SHARES;
  }

  #wait(cost: number): number {
    return Math.ceil((cost * SHARES - this.#shares) / this.#perMs());
  }

  #pass(): void {
    this.#shares = Math.min(this.#spec.capacity * SHARES, this.#shares + this.#perMs());
  }

  #perMs(): number {
    return (this.#spec.amount * SHARES) / this.#spec.perMs;
  }
}

/** A bucket under way. */
class Run {
  now = 0;
  spec: BucketSpec;
  readonly bucket: Bucket;
  readonly #open: number[] = [];

  constructor(initial: BucketSpec) {
    this.spec = initial;
    this.bucket = new Bucket(initial, 0);
  }

  take(next: Step): unknown {
    if (next.do === 'wait') this.now += next.ms;
    else if (next.do === 'apply') {
      this.spec = next.spec;
      this.bucket.apply(next.spec, this.now);
    } else if (next.do === 'settle') {
      const at = this.#open.length - 1 - next.call;
      if (at >= 0) this.bucket.settle(this.#open.splice(at, 1)[0]!, next.used, this.now);
    } else {
      const answer = acquire(this.bucket, next.cost, this.now);
      if (answer.kind === 'Rejection') return { rejected: answer.retryAfterMs };
      this.#open.push(answer.reserved);
      return { admitted: answer.reserved };
    }
    return undefined;
  }

  level(): number {
    return this.bucket.level(this.now);
  }
}

const RUNS = { numRuns: 3000 };
const ROUNDING = 1e-5;

describe('for any trace of calls, clock steps and reloads', () => {
  it('the bucket equals a naive ledger', () => {
    let rejected = 0;
    const property = fc.property(spec, trace, (initial, steps) => {
      const run = new Run(initial);
      const ledger = new Ledger(initial);
      const pairs = steps.map((next) => {
        const pair = [run.take(next), ledger.take(next)];
        if (Math.abs(run.level() - ledger.level()) > ROUNDING) pair.push(run.level());
        return pair;
      });
      rejected += JSON.stringify(pairs).split('rejected').length - 1;
      expectSame(
        pairs,
        pairs.map(([, said]) => [said, said]),
      );
    });
    fc.assert(property, RUNS);
    expect(rejected).toBeGreaterThan(RUNS.numRuns);
  });

  it('the bucket never admits more in any period than the refill plus the largest capacity in force', () => {
    const property = fc.property(spec, trace, (initial, steps) => {
      const run = new Run(initial);
      const ledger = new Ledger(initial);
      for (const next of steps) {
        ledger.take(next);
        const answer = run.take(next) as { admitted?: number } | undefined;
        if (next.do !== 'settle') ledger.entries.at(-1)!.admitted = answer?.admitted ?? 0;
      }
      const { entries } = ledger;
      for (let from = 0; from < entries.length; from += 1) {
        let [admitted, given, capacity] = [0, 0, 0];
        for (const entry of entries.slice(from)) {
          admitted += entry.admitted;
          given += entry.given;
          capacity = Math.max(capacity, entry.capacity);
          if (admitted > given + capacity + ROUNDING) throw new Error(`minted from step ${from}`);
        }
      }
    });
    fc.assert(property, RUNS);
  });

  it('a reload to an equal spec changes nothing', () => {
    const property = fc.property(spec, trace, (initial, steps) => {
      const plain = new Run(initial);
      const reloaded = new Run(initial);
      const seen = steps.map((next) => {
        reloaded.bucket.apply({ ...reloaded.spec }, reloaded.now);
        return [reloaded.take(next), reloaded.level()];
      });
      expectSame(
        seen,
        steps.map((next) => [plain.take(next), plain.level()]),
      );
    });
    fc.assert(property, RUNS);
  });

  it('a rejected cost is admitted after the time that the rejection states', () => {
    const property = fc.property(spec, trace, fc.nat({ max: 15 }), (initial, steps, cost) => {
      const run = new Run(initial);
      for (const next of steps) run.take(next);
      const wait = run.bucket.wait(cost, run.now);
      expect(run.bucket.wait(cost, run.now + wait)).toBe(0);
      if (wait > 0) expect(run.bucket.wait(cost, run.now + wait - 1)).toBe(1);
    });
    fc.assert(property, RUNS);
  });
});
