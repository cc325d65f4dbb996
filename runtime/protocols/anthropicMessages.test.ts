import { expect, it } from '@jest/globals';
import type { Reason } from '../errors/failure.ts';
import { anthropicMessages } from './anthropicMessages.ts';

it.each<[Reason, string]>([
  ['RateLimited', 'rate_limit_error'],
  ['CircuitBreakerOpen', 'overloaded_error'],
  ['BulkheadFull', 'overloaded_error'],
  ['BodiesFull', 'overloaded_error'],
  ['Draining', 'overloaded_error'],
  ['Timeout', 'timeout_error'],
  ['InvalidRequest', 'invalid_request_error'],
  ['Unauthorized', 'authentication_error'],
  ['UpstreamUnreachable', 'api_error'],
  ['InvalidResponse', 'api_error'],
  ['CredentialRefused', 'api_error'],
  ['SpendLimit', 'api_error'],
  ['TooLarge', 'request_too_large'],
  ['NotConfigured', 'api_error'],
  ['Internal', 'api_error'],
])('an error of ours for %s has the type %s', (reason, type) => {
  const failure = { reason, message: 'why', retryAfterMs: 1500 };
  const body = anthropicMessages.errorBody(failure, 'req_1');
  expect(JSON.parse(body)).toEqual({
    type: 'error',
    error: { type, message: 'why' },
    request_id: 'req_1',
  });
  expect(anthropicMessages.errorEvent(failure, 'req_1')).toBe(`event: error\ndata: ${body}\n\n`);
});
