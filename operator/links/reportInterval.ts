import { REPORT_INTERVAL } from '../../contract/link.ts';

/**
 * The interval at which pods report figures, in milliseconds. It doubles when there are more pods than it allows for, and
 * halves only when there are few enough for half of it twice over: a pod more or less does not move it back and forth.
 *
 * @param current the interval in force
 */
export function reportInterval(pods: number, current: number): number {
  const { leastMs, mostMs, perSecond } = REPORT_INTERVAL;
  const podsAt = (ms: number): number => (perSecond * ms) / 1000;
  let ms = current;
  while (ms < mostMs && pods > podsAt(ms)) ms *= 2;
  while (ms > leastMs && pods <= podsAt(ms) / 4) ms /= 2;
  return ms;
}
