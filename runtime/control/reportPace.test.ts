import { expect, it } from '@jest/globals';
import { REPORT_PACE } from '../../contract/link.ts';
import { ReportPace } from './reportPace.ts';

it('tells the transitions of a burst one by one, and the rest by a snapshot', () => {
  const pace = new ReportPace();
  const { transitionsPerSecond } = REPORT_PACE;
  const told = Array.from({ length: 100 }, () => pace.mayTellTransition());
  expect(told.filter(Boolean)).toHaveLength(transitionsPerSecond);
  expect(pace.tick()).toBe('Everything');
  expect(pace.mayTellTransition()).toBe(true);
  expect(pace.tick()).toBe('Changes');
});

it('waits after a large report for as long as it takes at the pace', () => {
  const pace = new ReportPace();
  pace.sent(3 * REPORT_PACE.bytesPerSecond);
  expect([pace.tick(), pace.tick(), pace.tick()]).toEqual(['Nothing', 'Nothing', 'Changes']);
});
