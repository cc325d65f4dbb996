import { describe, expect, it } from '@jest/globals';
import fc from '../test/property.ts';
import { Durations } from './durations.ts';

const SHARES = [0, 0.5, 0.95, 0.99, 1];

function exact(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}

describe('durations', () => {
  it('give percentiles within 2 %, also of sums', () => {
    const parts = fc.array(fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(parts, (lists) => {
        const merged = new Durations();
        for (const list of lists) {
          const part = new Durations();
          for (const ms of list) part.add(ms);
          merged.merge(part.buckets());
        }
        const sorted = lists.flat().sort((a, b) => a - b);
        expect(merged.count).toBe(sorted.length);
        if (sorted.length === 0) return;
        for (const share of SHARES) {
          const ratio = merged.percentile(share) / exact(sorted, share);
          expect(Math.abs(ratio - 1)).toBeLessThan(0.0201);
        }
      }),
    );
  });

  it('keep few buckets for any input', () => {
    const durations = new Durations();
    for (const ms of [-1, 0, 1e-30, 1, 1e30, Infinity]) durations.add(ms);
    const indices = durations.buckets().map(([index]) => index);
    expect(Math.max(...indices.map((index = 0) => Math.abs(index)))).toBeLessThan(1000);
  });

  it('ignore malformed buckets', () => {
    const durations = new Durations();
    durations.merge([[1e15, 1], [-1e15, 1], [5, -1], [5, 0], [], [5]]);
    expect(durations.count).toBe(0);
  });

  it('are 0 without samples', () => {
    expect(new Durations().percentile(0.5)).toBe(0);
  });
});
