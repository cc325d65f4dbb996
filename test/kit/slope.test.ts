import { expect, it } from '@jest/globals';
import { slope } from './slope.ts';

it('slope returns the slope of the line closest to the samples', () => {
  const line = [0, 1, 2, 3].map((x) => ({ x: x / 2, y: 7 - 3 * (x / 2) }));
  expect(slope(line)).toBeCloseTo(-3);
  const flat = [3, 4, 3, 4, 4, 3, 4, 3].map((y, x) => ({ x, y }));
  expect(slope(flat)).toBeCloseTo(0);
  expect(() => slope([{ x: 1, y: 1 }])).toThrow('two samples');
});
