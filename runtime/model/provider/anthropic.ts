/** The Messages API as Anthropic serves it (https://platform.claude.com/docs/en/api/overview), and as gateways do. */
import { memberOf, stringMember } from '../../json/parsed.ts';
import { saysTooLong } from '../../protocols/anthropicAnswer.ts';
import { errorBody } from './errorBody.ts';
import { obstacleOf } from './obstacle.ts';
import { directRequest } from './request.ts';
import { statedLimits } from './retryAfter.ts';
import type { LimitHeaders } from './retryAfter.ts';
import type { ErrorAnswer, ErrorKind, Provider } from './provider.ts';

/** https://platform.claude.com/docs/en/api/rate-limits */
export const ANTHROPIC_LIMITS: LimitHeaders = {
  prefix: 'anthropic-ratelimit-',
  resources: {
    requests: 'Requests',
    'input-tokens': 'InputTokens',
    'output-tokens': 'OutputTokens',
    tokens: 'TotalTokens',
  },
  name: (resource, what) => `${resource}-${what}`,
  untilReset: (date, now) => Date.parse(date) - now,
  // Tokens come in whole thousands.
  rounding: 500,
};

export const anthropic: Provider = {
  obstacle: obstacleOf,
  request: (asked, to, context) => directRequest(asked, to, { context }),
  error,
  limits: (headers, now) => statedLimits(ANTHROPIC_LIMITS, headers, now),
};

const SPEND_LIMIT = /spend_limit/;

/** https://platform.claude.com/docs/en/api/errors */
function error(answer: ErrorAnswer): ErrorKind | undefined {
  const { status } = answer;
  switch (status) {
    case 401:
      return 'CredentialRefused';
    case 402:
      return 'SpendLimit';
    case 529:
      return 'Overloaded';
    case 400:
    case 404:
    case 429:
      return stated(status, memberOf(errorBody(answer.headers, answer.body), 'error'));
    default:
      return status >= 500 ? 'ServerError' : undefined;
  }
}

/** What the error in an answer says. */
function stated(status: 400 | 404 | 429, error: unknown): ErrorKind | undefined {
  if (status === 404) {
    return stringMember(error, 'type') === 'not_found_error' ? 'ModelMissing' : undefined;
  }
  // A short wait does not help.
  if (SPEND_LIMIT.test(stringMember(memberOf(error, 'details'), 'error_code'))) return 'SpendLimit';
  if (status === 429) return 'RateLimited';
  return saysTooLong(stringMember(error, 'message')) ? 'PromptTooLong' : undefined;
}
