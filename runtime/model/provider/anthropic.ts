/** The Messages API as Anthropic serves it (https://platform.claude.com/docs/en/api/overview), and as gateways do. */
import type { Remaining } from '../../guard/admission.ts';
import { memberOf, stringMember } from '../../json/parsed.ts';
import { saysTooLong } from '../../protocols/anthropicAnswer.ts';
import { errorBody } from './errorBody.ts';
import { messagesRequest } from './request.ts';
import { statedLimits } from './retryAfter.ts';
import type { ErrorAnswer, ErrorKind, Provider } from './provider.ts';

/** https://platform.claude.com/docs/en/api/rate-limits */
const PREFIX = 'anthropic-ratelimit-';
const RESOURCES: Readonly<Record<string, Remaining['resource']>> = {
  requests: 'Requests',
  'input-tokens': 'InputTokens',
  'output-tokens': 'OutputTokens',
  tokens: 'TotalTokens',
};

export const anthropic: Provider = {
  request: messagesRequest,
  error,
  limits: (headers, now) => statedLimits(PREFIX, RESOURCES, headers, now),
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
