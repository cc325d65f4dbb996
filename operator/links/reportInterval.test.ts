import { expect, it } from '@jest/globals';
import { REPORT_INTERVAL } from '../../contract/link.ts';
import { reportInterval } from './reportInterval.ts';

const { leastMs, mostMs, perSecond } = REPORT_INTERVAL;

it.each([
  [0, leastMs],
  [perSecond, leastMs],
  [perSecond + 1, 2 * leastMs],
  [5 * perSecond, 8 * leastMs],
  [1_000 * perSecond, mostMs],
])('%d pods report so often that the leader can keep up', (pods, ms) => {
  expect(reportInterval(pods, leastMs)).toBe(ms);
});

it('a pod more or less does not move the interval back and forth', () => {
  const interval = reportInterval(perSecond + 1, leastMs);
  expect(reportInterval(perSecond, interval)).toBe(interval);
  expect(reportInterval(perSecond / 2, interval)).toBe(leastMs);
});
