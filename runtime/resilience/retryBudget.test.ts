import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { RetryBudget, RetryBudgets } from './retryBudget.ts';

const budgetOf = (budgetPercent: number, minPerSecond: number): RetryBudget =>
  new RetryBudget({ budgetPercent, minPerSecond });

function withdrawn(budget: RetryBudget, now: number, asked: number, units = 1): number {
  return Array.from({ length: asked }, () => budget.withdraw(units, now)).filter(Boolean).length;
}

describe('the retry budget', () => {
  it('allows the rate when there are few requests', () => {
    expect(withdrawn(budgetOf(20, 1), 0, 100)).toBe(10);
  });

  it('allows nothing with both figures 0, and is never spent then', () => {
    const budget = budgetOf(0, 0);
    for (let i = 0; i < 100; i += 1) budget.request(0);
    expect(budget.isOff).toBe(true);
    expect(withdrawn(budget, 0, 10)).toBe(0);
    expect(budget.used(0)).toBe(0);
    expect(budgetOf(0, 1).isOff).toBe(false);
    expect(budgetOf(1, 0).isOff).toBe(false);
  });

  it('allows the share of the requests of the last ten seconds and the rate', () => {
    const budget = budgetOf(20, 1);
    for (let now = 0; now < 10_000; now += 10) budget.request(now);
    expect(withdrawn(budget, 9999, 1000)).toBe(210);
    expect(budget.used(9999)).toBe(1);
    expect(withdrawn(budget, 15_000, 1000)).toBe(0);
    expect(withdrawn(budget, 30_000, 1000)).toBe(10);
  });

  it('takes all units of a retry or none', () => {
    const budget = budgetOf(0, 1);
    expect(withdrawn(budget, 0, 100, 2)).toBe(5);
    const odd = budgetOf(0, 1);
    odd.withdraw(1, 0);
    expect(withdrawn(odd, 0, 100, 2)).toBe(4);
    expect(odd.withdraw(1, 0)).toBe(true);
  });

  it('follows changed figures at once and keeps its counts', () => {
    const budget = budgetOf(20, 0);
    for (let i = 0; i < 100; i += 1) budget.request(0);
    expect(withdrawn(budget, 0, 100)).toBe(20);
    budget.apply({ budgetPercent: 50, minPerSecond: 0 });
    expect(budget.used(0)).toBe(0.4);
    expect(withdrawn(budget, 0, 100)).toBe(30);
    budget.apply({ budgetPercent: 0, minPerSecond: 0 });
    expect(withdrawn(budget, 0, 100)).toBe(0);
  });

  it('never allows more than the share and the rate within any window', () => {
    const step = fc.record({ ms: fc.nat(3000), requests: fc.nat(30), asked: fc.nat(30) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 3 }),
        (steps, percent, rate) => {
          const budget = budgetOf(percent, rate);
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
            const allowed = 10 * rate + Math.floor((sum('requests') * percent) / 100);
            const before = sum('retries') - entry.retries;
            expect(entry.retries).toBe(Math.min(asked, Math.max(0, allowed - before)));
          }
        },
      ),
    );
  });
});

const BUDGET = { budgetPercent: 0, minPerSecond: 1 };

describe('the retry budgets', () => {
  it('are one for each dependency', () => {
    const budgets = new RetryBudgets();
    budgets.apply(BUDGET, ['model/a', 'model/b']);
    expect(budgets.of('model/a').withdraw(5, 0)).toBe(true);
    expect(budgets.used(0)).toEqual([
      { name: 'model/a', used: 0.5 },
      { name: 'model/b', used: 0 },
    ]);
  });

  it('keep what was withdrawn when the configuration changes, but not that of a dependency which leaves', () => {
    const budgets = new RetryBudgets();
    budgets.apply(BUDGET, ['model/a', 'model/b']);
    budgets.of('model/a').withdraw(10, 0);
    budgets.of('model/b').withdraw(10, 0);
    budgets.apply({ ...BUDGET, minPerSecond: 2 }, ['model/a']);
    budgets.apply({ ...BUDGET, minPerSecond: 2 }, ['model/a', 'model/b']);
    expect(budgets.used(0)).toEqual([
      { name: 'model/a', used: 0.5 },
      { name: 'model/b', used: 0 },
    ]);
  });
});
