import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RetryBudget } from './retryBudget.ts';

function withdrawn(budget: RetryBudget, now: number, asked: number): number {
  return Array.from({ length: asked }, () => budget.withdraw(now)).filter(Boolean).length;
}

describe('the retry budget', () => {
  it('allows a few retries when there are few requests', () => {
    expect(withdrawn(new RetryBudget(20), 0, 10)).toBe(3);
  });

  it('allows the share of the requests of the last ten seconds', () => {
    const budget = new RetryBudget(20);
    for (let now = 0; now < 10_000; now += 10) budget.request(now);
    expect(withdrawn(budget, 9999, 1000)).toBe(200);
    expect(budget.used(9999)).toBe(1);
    expect(withdrawn(budget, 15_000, 1000)).toBe(0);
    expect(withdrawn(budget, 20_000, 1000)).toBe(3);
  });

  it('goes by another share at once and forgets nothing', () => {
    const budget = new RetryBudget(20);
    for (let i = 0; i < 100; i += 1) budget.request(0);
    expect(withdrawn(budget, 0, 100)).toBe(20);
    budget.apply(50);
    expect(budget.used(0)).toBe(0.4);
    expect(withdrawn(budget, 0, 100)).toBe(30);
    budget.apply(0);
    expect(withdrawn(budget, 0, 100)).toBe(0);
  });

  it('never allows more than the share or the floor within any window', () => {
    const step = fc.record({ ms: fc.nat(3000), requests: fc.nat(30), asked: fc.nat(30) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 100 }),
        (steps, percent) => {
          const budget = new RetryBudget(percent);
          const past: { second: number; requests: number; retries: number }[] = [];
          let now = 0;
          for (const { ms, requests, asked } of steps) {
            now += ms;
            for (let i = 0; i < requests; i += 1) budget.request(now);
            const entry = { second: Math.floor(now / 1000), requests, retries: 0 };
            past.push(entry);
            entry.retries = withdrawn(budget, now, asked);
            const recent = past.filter(({ second }) => second > entry.second - 10);
            const sum = (of: 'requests' | 'retries'): number =>
              recent.reduce((all, each) => all + each[of], 0);
            const allowed = Math.max(3, Math.floor((sum('requests') * percent) / 100));
            const before = sum('retries') - entry.retries;
            expect(entry.retries).toBe(Math.min(asked, Math.max(0, allowed - before)));
          }
        },
      ),
    );
  });
});
