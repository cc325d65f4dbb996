import { expect, it } from '@jest/globals';
import { WriteBudget } from './writeBudget.ts';

it('the budget lets each object through once a minute', () => {
  const budget = new WriteBudget();
  expect(budget.take('a', 1_000)).toBe(0);
  expect(budget.take('a', 31_000)).toBe(30_000);
  expect(budget.take('b', 31_000)).toBe(0);
  expect(budget.take('a', 61_000)).toBe(0);
});

it('the budget lets five objects a second through in total', () => {
  const budget = new WriteBudget();
  const waits = Array.from({ length: 8 }, (_, n) => budget.take(`object-${n}`, 10_000));
  expect(waits).toEqual([0, 0, 0, 0, 0, 200, 400, 600]);
  expect(budget.take('object-5', 10_200)).toBe(0);
  expect(budget.take('object-6', 10_200)).toBe(200);
});

it('the budget treats a forgotten object as a new one', () => {
  const budget = new WriteBudget();
  budget.take('a', 0);
  budget.forget('a');
  expect(budget.take('a', 1)).toBe(0);
});
