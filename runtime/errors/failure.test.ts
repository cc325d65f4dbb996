import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REASONS, errorBody, errorHeaders, statusOf } from './failure.ts';
import type { Reason } from './failure.ts';

const PAGE = join(import.meta.dirname, '../../docs/troubleshooting.md');

describe('an answer of our own', () => {
  it.each<[Reason, number, string, string | undefined]>([
    ['RateLimited', 429, 'rate_limit_error', undefined],
    ['CircuitBreakerOpen', 503, 'overloaded_error', undefined],
    ['BulkheadFull', 503, 'overloaded_error', undefined],
    ['Draining', 503, 'overloaded_error', undefined],
    ['Timeout', 504, 'timeout_error', undefined],
    ['InvalidRequest', 400, 'invalid_request_error', undefined],
    ['Unauthorized', 401, 'authentication_error', 'false'],
    ['UpstreamUnreachable', 502, 'api_error', undefined],
    ['InvalidResponse', 502, 'api_error', undefined],
    ['CredentialRefused', 503, 'api_error', 'false'],
    ['SpendLimit', 503, 'api_error', 'false'],
    ['TooLarge', 413, 'request_too_large', undefined],
    ['NotConfigured', 500, 'api_error', undefined],
    ['Internal', 500, 'api_error', undefined],
  ])('for %s is %i, %s', (reason, status, type, shouldRetry) => {
    const failure = { reason, message: 'why', retryAfterMs: 1500 };
    expect(statusOf(reason)).toBe(status);
    expect(JSON.parse(errorBody(failure))).toEqual({
      type: 'error',
      error: { type, message: 'why' },
    });
    const headers = errorHeaders(failure, 'req_1');
    expect(headers['request-id']).toBe('req_1');
    expect(headers['x-breakwater-reason']).toBe(reason);
    expect(headers['retry-after']).toBe('2');
    expect(headers['x-should-retry']).toBe(shouldRetry);
  });

  it('is explained in docs/troubleshooting.md with its status', () => {
    const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| (`\w+`(?:, `\w+`)*) +\| (\d{3}) +\|/gm);
    const explained = Array.from(rows).flatMap(([, names = '', status]) =>
      names.split(', ').map((name) => [name.replaceAll('`', ''), Number(status)] as const),
    );
    const reasons = REASONS.map((reason) => [reason, statusOf(reason)] as const);
    expect(new Map(explained)).toEqual(new Map(reasons));
  });
});
