import { expect, it } from '@jest/globals';
import { REPORT_INTERVAL, REPORT_PACE } from '../../contract/link.ts';
import { ReportPace } from './reportPace.ts';

it('a burst of transitions goes out one by one, and the rest in a snapshot', () => {
  const pace = new ReportPace();
  const { transitionsPerSecond } = REPORT_PACE;
  const told = Array.from({ length: 100 }, () => pace.mayTellTransition());
  expect(told.filter(Boolean)).toHaveLength(transitionsPerSecond);
  expect(pace.tick()).toBe('Everything');
  expect(pace.mayTellTransition()).toBe(true);
  expect(pace.tick()).toBe('Changes');
});

it('the next report waits after a large one as long as the pace demands', () => {
  const pace = new ReportPace();
  pace.sent(3 * REPORT_PACE.bytesPerSecond);
  expect([pace.tick(), pace.tick(), pace.tick()]).toEqual(['Nothing', 'Nothing', 'Changes']);
});

it('figures go out at the interval that the leader asks for', () => {
  const pace = new ReportPace(() => 0.5);
  const due = (ticks: number): string[] => Array.from({ length: ticks }, () => pace.tick());
  pace.setInterval(4 * REPORT_INTERVAL.leastMs);
  expect(due(2)).toEqual(['State', 'Changes']);
  pace.setInterval(4 * REPORT_INTERVAL.leastMs);
  expect(due(4)).toEqual(['State', 'State', 'State', 'Changes']);
  pace.setInterval(REPORT_INTERVAL.leastMs);
  expect(due(2)).toEqual(['Changes', 'Changes']);
});

it('figures of pods that are asked at once go out in different seconds of the interval', () => {
  const parts = [0, 0.2, 0.4, 0.6, 0.8, 0.99];
  const seconds = parts.map((part) => {
    const pace = new ReportPace(() => part);
    pace.setInterval(8 * REPORT_INTERVAL.leastMs);
    return 1 + Array.from({ length: 8 }, () => pace.tick()).indexOf('Changes');
  });
  expect(seconds).toEqual([1, 2, 4, 5, 7, 8]);
});
