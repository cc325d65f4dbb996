const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration as kubectl writes ages, such as 45s, 4m10s, 3h or 2d. */
export function briefly(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 2 * MINUTE) return `${Math.floor(left / SECOND)}s`;
  if (left < 10 * MINUTE) return pair(left, MINUTE, 'm', SECOND, 's');
  if (left < 3 * HOUR) return `${Math.floor(left / MINUTE)}m`;
  if (left < 8 * HOUR) return pair(left, HOUR, 'h', MINUTE, 'm');
  if (left < 2 * DAY) return `${Math.floor(left / HOUR)}h`;
  return `${Math.floor(left / DAY)}d`;
}

function pair(ms: number, large: number, one: string, small: number, other: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${one}${rest === 0 ? '' : `${rest}${other}`}`;
}

/** Time since then. Empty without a time. */
export function since(time: string | undefined, now: Date): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? '' : briefly(now.getTime() - at);
}

/** Time until then. Empty without a time. */
export function until(time: string | undefined, now: Date): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? '' : briefly(Math.ceil((at - now.getTime()) / SECOND) * SECOND);
}

/** The time of the day in UTC, with the date unless it is today's. */
export function clock(time: string, now: Date): string {
  const [date, rest = ''] = new Date(time).toISOString().split('T');
  const text = `${rest.slice(0, 8)} UTC`;
  return date === now.toISOString().slice(0, 10) ? text : `${date} ${text}`;
}
