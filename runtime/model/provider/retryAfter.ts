import type { Remaining } from '../../guard/admission.ts';
import { headerValue } from '../transport/headers.ts';
import type { RawHeaders } from '../transport/headers.ts';

/** Longest accepted time, in milliseconds: a year. */
const LONGEST_MS = 366 * 24 * 60 * 60 * 1000;

/** Largest difference between two correct wall clocks, in milliseconds. */
const SAME_CLOCK_MS = 2000;

/**
 * The wait that an answer asks for: retry-after-ms, else retry-after as seconds or as a date (RFC 9110, 10.2.3). A
 * date counts from the answer's Date, or without one from `now`, the wall clock. Undefined if there is no usable
 * value, such as a past date.
 */
export function retryAfter(headers: RawHeaders, now: () => Date): number | undefined {
  const ms = nonNegative(headerValue(headers, 'retry-after-ms'));
  if (ms !== undefined) return bounded(ms);
  const stated = headerValue(headers, 'retry-after');
  if (stated === undefined) return undefined;
  const text = stated.trim();
  const seconds = nonNegative(text);
  if (seconds !== undefined) return bounded(seconds * 1000);
  // Date.parse reads a negative number as a year.
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  const left = Date.parse(text) - (sentAt(headers) ?? now().getTime());
  return left >= 0 ? bounded(left) : undefined;
}

/** The bit that differs between small letters and capitals. */
const LOWER_CASE = 0x20;

/** Headers by which any provider states its limits, in small letters. */
export const LIMIT_HEADER = /^(?:anthropic|x)-ratelimit-/;

export const NO_LIMITS: readonly Remaining[] = [];

/** The headers by which a provider states its limits. */
export interface LimitHeaders {
  /** Begins their names, in small letters. */
  prefix: string;
  /** Resources by their names in these headers. */
  resources: Readonly<Record<string, Remaining['resource']>>;
  /** The rest of the name, for one of these resources. */
  name: (resource: string, what: 'limit' | 'remaining' | 'reset') => string;
  /** Milliseconds until the limit is full again; NaN if the text says none. `now` is in milliseconds. */
  untilReset: (text: string, now: number) => number;
  /** Most tokens that rounding takes away. */
  rounding: number;
}

/** Limits that an answer states. `now` is the wall clock. */
export function statedLimits(
  { prefix, resources, name: nameOf, untilReset, rounding }: LimitHeaders,
  headers: RawHeaders,
  now: () => Date,
): readonly Remaining[] {
  if (!statesLimits(prefix, headers)) return NO_LIMITS;
  const from = senderNow(headers, now());
  return Object.entries(resources).flatMap(([name, resource]) => {
    const value = (what: 'limit' | 'remaining' | 'reset'): string | undefined =>
      headerValue(headers, `${prefix}${nameOf(name, what)}`);
    const left = nonNegative(value('remaining'));
    if (left === undefined) return [];
    const limit = nonNegative(value('limit'));
    const resetMs = untilReset(value('reset') ?? '', from);
    return [
      {
        resource,
        remaining: resource === 'Requests' ? left : left + rounding,
        // A limit of zero would be a refusal, which the status reports.
        ...(limit !== undefined && limit >= 1 && { limit }),
        ...(!Number.isNaN(resetMs) && { resetMs: bounded(resetMs) }),
      },
    ];
  });
}

/** Compares lengths and first letters first: every answer passes here. */
function statesLimits(prefix: string, headers: RawHeaders): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length <= prefix.length) continue;
    const first = name.charCodeAt(0) | LOWER_CASE;
    if (first === prefix.charCodeAt(0) && name.toLowerCase().startsWith(prefix)) return true;
  }
  return false;
}

/** Date header of the answer, in milliseconds; undefined without one. */
function sentAt(headers: RawHeaders): number | undefined {
  const at = Date.parse(headerValue(headers, 'date') ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** The sender's wall clock. Date has whole seconds, so our own clock is better while it agrees. */
function senderNow(headers: RawHeaders, now: Date): number {
  const own = now.getTime();
  const sent = sentAt(headers) ?? own;
  return Math.abs(sent - own) <= SAME_CLOCK_MS ? own : sent;
}

function nonNegative(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+(\.\d+)?$/.test(trimmed)
    ? Math.min(Number(trimmed), Number.MAX_SAFE_INTEGER)
    : undefined;
}

function bounded(ms: number): number {
  return Math.min(LONGEST_MS, Math.max(0, Math.ceil(ms)));
}
