/** Makes what pods report fit for status: pods run tools chosen by a model, so nothing of it is taken on trust. */
import { truncate } from '../desired/common/wording.ts';

/** The time as RFC 3339 with milliseconds, or undefined when it is none. */
export function reportedTime(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/**
 * The text on one line and cut to `length`. Half a surrogate pair is stored as another character, and so would never equal
 * what was written.
 */
export function reportedText(text: string, length: number): string {
  return truncate(
    text
      .toWellFormed()
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
    length,
  );
}

/** The earliest of the times, all as reportedTime gives them. */
export function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort()[0];
}

/** The latest of the times, all as reportedTime gives them. */
export function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}
