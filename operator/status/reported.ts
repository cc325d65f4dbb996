/** Sanitises pods' reports for status. Pods run tools that a model chooses, so their reports are not trusted. */
import { truncate } from '../desired/common/wording.ts';

/** The time in RFC 3339 with milliseconds; undefined if it is invalid. */
export function reportedTime(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/**
 * The text on one line, cut to `length`. Half surrogate pairs are replaced: the API server stores them as another
 * character, so the stored text would always differ.
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

/** The earliest of the times, which must be results of reportedTime. */
export function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort()[0];
}

/** The latest of the times, which must be results of reportedTime. */
export function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}
