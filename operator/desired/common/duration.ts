import { InvalidSpecError } from './errors.ts';

const PATTERN = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * Milliseconds of a duration such as 1m30s (GEP-2257, https://gateway-api.sigs.k8s.io/geps/gep-2257/).
 *
 * @throws InvalidSpecError that names `field`
 */
export function parseDuration(text: string, field: string): number {
  if (!PATTERN.test(text)) {
    throw new InvalidSpecError(
      'InvalidDuration',
      `${field} is ${JSON.stringify(text)}; write numbers with the units h, m, s or ms, such as 1m30s`,
    );
  }
  return text
    .matchAll(/([0-9]+)(ms|h|m|s)/g)
    .reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!, 0);
}

/** Like parseDuration, for durations that must be longer than 0. */
export function parsePositiveDuration(text: string, field: string): number {
  const duration = parseDuration(text, field);
  if (duration > 0) return duration;
  throw new InvalidSpecError('InvalidDuration', `${field} is ${text}; it must be longer than 0s`);
}

/** A duration with the field that it is in. */
type Named = [field: string, text: string];

/** @throws InvalidSpecError that names both fields, if the first duration is longer than the second */
export function checkOrder([shorter, text]: Named, [longer, bound]: Named): void {
  if (parseDuration(text, shorter) <= parseDuration(bound, longer)) return;
  throw new InvalidSpecError(
    'Invalid',
    `${shorter} (${text}) must not be longer than ${longer} (${bound})`,
  );
}

/** Milliseconds as Prometheus writes durations: units in falling order, such as 1m30s. */
export function prometheusDuration(ms: number): string {
  const parts = Object.entries(UNITS).map(([unit, size], index, all) => {
    const larger = all[index - 1]?.[1];
    const amount = Math.floor((larger === undefined ? ms : ms % larger) / size);
    return amount > 0 ? `${amount}${unit}` : '';
  });
  return parts.join('') || '0s';
}

/** A time in RFC 3339 as UTC with milliseconds. @throws InvalidSpecError */
export function parseTime(text: string, field: string): string {
  const parsed = Date.parse(text);
  if (!Number.isNaN(parsed)) return new Date(parsed).toISOString();
  throw new InvalidSpecError(
    'Invalid',
    `${field} must be a time in RFC 3339, such as 2026-12-01T02:00:00Z`,
  );
}
