/** Seconds, or a number with its unit, such as `250ms`, `60s`, `5m`, `1h`. */
export type Duration = number | string;

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

export function secondsOf(duration: Duration): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(String(duration)) ?? [];
  const seconds =
    typeof duration === 'number' ? duration : Number(amount) * (UNITS[unit ?? ''] ?? NaN);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new TypeError(`${duration} is no duration. Write seconds, or such as 250ms, 60s, 5m, 1h.`);
}
