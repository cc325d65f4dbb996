import type { APIError } from '@anthropic-ai/sdk';
import type { Failure, Problem } from '../errors/failure.ts';
import { FAULTS } from '../errors/problems.ts';

/** Answer to the client of a conversation after an error of the endpoint. */
export function modelProblem(error: APIError): Problem {
  // An error without status and type is one of the connection or of the protocol.
  if (error.status === undefined && error.type === null) return FAULTS.InvalidResponse;
  const wait = Number(error.headers?.get('retry-after') ?? Number.NaN);
  return { ...failure(error), ...(Number.isFinite(wait) && { retryAfterMs: wait * 1000 }) };
}

function failure({ status = 0, type }: APIError): Failure {
  if (status === 429 || type === 'rate_limit_error') {
    return { reason: 'RateLimited', message: 'The provider limits the rate of requests.' };
  }
  if (status === 529 || type === 'overloaded_error') {
    return { reason: 'ModelOverloaded', message: 'The model is overloaded.' };
  }
  if (status === 401) {
    return { reason: 'CredentialRefused', message: 'The provider refuses the API key.' };
  }
  if (status >= 400 && status < 500) {
    const kind = type === null ? '' : ` (${type})`;
    const message = `The endpoint answers HTTP ${status}${kind} to the conversation.`;
    return { reason: 'ModelRefused', message };
  }
  return { reason: 'ModelFailed', message: 'The model failed.' };
}
