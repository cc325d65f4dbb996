import { expect, it } from '@jest/globals';
import { REPORT_PACE } from '../../contract/link.ts';
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
