import { describe, expect, it } from '@jest/globals';
import { RetryBudgets } from './retryBudgets.ts';

const SPEC = { budgetPercent: 0, minPerSecond: 1 };

describe('the retry budgets', () => {
  it('are one for each dependency', () => {
    const budgets = new RetryBudgets();
    budgets.apply(SPEC, ['model/a', 'model/b']);
    expect(budgets.of('model/a').withdraw(5, 0)).toBe(true);
    expect(budgets.used(0)).toEqual([
      { name: 'model/a', used: 0.5 },
      { name: 'model/b', used: 0 },
    ]);
  });

  it('keep what was withdrawn when the configuration changes, but not that of a dependency which leaves', () => {
    const budgets = new RetryBudgets();
    budgets.apply(SPEC, ['model/a', 'model/b']);
    budgets.of('model/a').withdraw(10, 0);
    budgets.of('model/b').withdraw(10, 0);
    budgets.apply({ ...SPEC, minPerSecond: 2 }, ['model/a']);
    budgets.apply({ ...SPEC, minPerSecond: 2 }, ['model/a', 'model/b']);
    expect(budgets.used(0)).toEqual([
      { name: 'model/a', used: 0.5 },
      { name: 'model/b', used: 0 },
    ]);
  });
});
