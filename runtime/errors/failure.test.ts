import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REASONS, errorBody, errorHeaders, statusOf } from './failure.ts';
import type { ClientWait, Failure, Reason } from './failure.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/routes.md');

const PATIENT: ClientWait = { patienceMs: 5000, retried: false, random: () => 0 };

describe('an error answer of the runtime', () => {
  it.each<[Reason, number, string, string | undefined]>([
    ['RateLimited', 429, 'rate_limit_error', undefined],
    ['CircuitBreakerOpen', 503, 'overloaded_error', undefined],
    ['BulkheadFull', 503, 'overloaded_error', undefined],
    ['BodiesFull', 503, 'overloaded_error', undefined],
    ['Draining', 503, 'overloaded_error', undefined],
    ['Timeout', 504, 'timeout_error', undefined],
    ['InvalidRequest', 400, 'invalid_request_error', 'false'],
    ['Unauthorized', 401, 'authentication_error', 'false'],
    ['UpstreamUnreachable', 502, 'api_error', undefined],
    ['InvalidResponse', 502, 'api_error', undefined],
    ['CredentialRefused', 503, 'api_error', 'false'],
    ['SpendLimit', 503, 'api_error', 'false'],
    ['TooLarge', 413, 'request_too_large', 'false'],
    ['NotConfigured', 500, 'api_error', undefined],
    ['Internal', 500, 'api_error', undefined],
  ])('for %s is %i, %s', (reason, status, type, shouldRetry) => {
    const failure = { reason, message: 'why', retryAfterMs: 1500 };
    expect(statusOf(reason)).toBe(status);
    expect(JSON.parse(errorBody(failure, 'req_1'))).toEqual({
      type: 'error',
      error: { type, message: 'why' },
      request_id: 'req_1',
    });
    const headers = errorHeaders(failure, 'req_1', PATIENT);
    expect(headers['request-id']).toBe('req_1');
    expect(headers['x-breakwater-reason']).toBe(reason);
    expect(headers['retry-after']).toBe('2');
    expect(headers['x-should-retry']).toBe(shouldRetry);
  });

  it.each<[number, number, string]>([
    [300, 0, '1'],
    [2000, 0, '2'],
    [2000, 0.999, '3'],
    [4500, 0.999, '5'],
    [60_000, 0, '3'],
    [60_000, 0.999, '5'],
    [1000, 0.999, '1'],
    [3_600_000, 0.5, '4'],
  ])('for a wait of %i ms with the chance %d asks for %s s', (retryAfterMs, chance, expected) => {
    const failure: Failure = { reason: 'CircuitBreakerOpen', message: '', retryAfterMs };
    const headers = errorHeaders(failure, '', { ...PATIENT, random: () => chance });
    expect(headers['retry-after']).toBe(expected);
  });

  it('tells a client not to retry that has waited once and would have to wait longer than its patience', () => {
    const told = (retried: boolean, retryAfterMs: number): string | undefined =>
      errorHeaders({ reason: 'CircuitBreakerOpen', message: '', retryAfterMs }, '', {
        ...PATIENT,
        retried,
      })['x-should-retry'];
    expect([told(false, 60_000), told(true, 5000)]).toEqual([undefined, undefined]);
    expect(told(true, 5001)).toBe('false');
  });

  it('leaves retries of what failed at the provider to the client', () => {
    const failure: Failure = { reason: 'UpstreamUnreachable', message: '' };
    expect(errorHeaders(failure, '', PATIENT)['x-should-retry']).toBeUndefined();
  });

  it('is explained in docs/reference/routes.md with its status', () => {
    const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| (`\w+`(?:, `\w+`)*) +\| (\d{3}) +\|/gm);
    const explained = Array.from(rows).flatMap(([, names = '', status]) =>
      names.split(', ').map((name) => [name.replaceAll('`', ''), Number(status)] as const),
    );
    const reasons = REASONS.map((reason) => [reason, statusOf(reason)] as const);
    expect(new Map(explained)).toEqual(new Map(reasons));
  });
});
