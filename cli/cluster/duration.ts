import { parsePositiveDuration } from '../../operator/desired/common/duration.ts';

const PATTERN = /^([0-9]{1,4}(d|h|m|s|ms))+$/;

/**
 * Milliseconds of a duration on the command line, such as 1d or 1m30s. Manifests take no days.
 * @throws Error that names the option
 */
export function durationOf(text: string, option: string): number {
  if (!PATTERN.test(text)) {
    throw new Error(
      `${option} is ${JSON.stringify(text)}; write numbers with the units d, h, m, s or ms, such as 1d or 1m30s`,
    );
  }
  const inHours = text.replaceAll(/(\d+)d/g, (_, days: string) => `${Number(days) * 24}h`);
  return parsePositiveDuration(inHours, option);
}
