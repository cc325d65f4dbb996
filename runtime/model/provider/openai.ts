/** OpenAI's APIs as OpenAI and Azure serve them, and as the many servers do that imitate them. */
import { lacksModel, saysTooLong, statesSpendLimit } from '../../protocols/openaiErrors.ts';
import { errorBody } from './errorBody.ts';
import type { ErrorAnswer, ErrorKind, Provider } from './provider.ts';
import { obstacleOf } from './obstacle.ts';
import { directRequest } from './request.ts';
import { statedLimits } from './retryAfter.ts';
import type { LimitHeaders } from './retryAfter.ts';

/** Azure's header; OpenAI takes a bearer token. */
const KEY_HEADER = 'api-key';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
/** Times such as 6m0s and 120ms, or seconds. */
const TIME = /^(?:(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+|\d{1,7}(?:\.\d+)?)$/;

/** A time in milliseconds; NaN for another text. */
export function durationMs(text: string): number {
  const trimmed = text.trim();
  if (!TIME.test(trimmed)) return NaN;
  const parts = [...trimmed.matchAll(PART)];
  if (parts.length === 0) return Number(trimmed) * 1000;
  return parts.reduce((ms, [, figure, unit]) => ms + Number(figure) * UNITS[unit!]!, 0);
}

/** https://platform.openai.com/docs/guides/rate-limits */
const LIMITS: LimitHeaders = {
  prefix: 'x-ratelimit-',
  resources: { requests: 'Requests', tokens: 'TotalTokens' },
  name: (resource, what) => `${what}-${resource}`,
  untilReset: durationMs,
  rounding: 0,
};

export const openai: Provider = {
  obstacle: obstacleOf,
  request: (asked, to, context) => directRequest(asked, to, { context, keyHeader: KEY_HEADER }),
  error,
  limits: (headers, now) => statedLimits(LIMITS, headers, now),
};

/** Statuses that say all. */
const KINDS: Readonly<Record<number, ErrorKind>> = {
  401: 'CredentialRefused',
  402: 'SpendLimit',
  503: 'Overloaded',
  529: 'Overloaded',
};

/** What a body may add to a status. A content filter is the client's: its 400 has no kind. */
const STATED: Readonly<Record<number, (answer: unknown) => ErrorKind | undefined>> = {
  400: (answer) => (saysTooLong(answer) ? 'PromptTooLong' : undefined),
  404: (answer) => (lacksModel(answer) ? 'ModelMissing' : undefined),
  429: (answer) => (statesSpendLimit(answer) ? 'SpendLimit' : 'RateLimited'),
};

/** https://platform.openai.com/docs/guides/error-codes */
function error({ status, headers, body }: ErrorAnswer): ErrorKind | undefined {
  const stated = STATED[status];
  if (stated) return stated(errorBody(headers, body));
  return KINDS[status] ?? (status >= 500 ? 'ServerError' : undefined);
}
