import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REASONS, errorHeaders, statusOf } from './failure.ts';
import type { ClientWait, Failure, Reason } from './failure.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/routes.md');

const PATIENT: ClientWait = { patienceMs: 5000, retried: false, random: () => 0 };

describe('an error answer of the runtime', () => {
  it.each<[Reason, number, string | undefined]>([
    ['RateLimited', 429, undefined],
    ['CircuitBreakerOpen', 503, undefined],
    ['BulkheadFull', 503, undefined],
    ['BodiesFull', 503, undefined],
    ['Draining', 503, undefined],
    ['Timeout', 504, undefined],
    ['InvalidRequest', 400, 'false'],
    ['Unauthorized', 401, 'false'],
    ['UpstreamUnreachable', 502, undefined],
    ['InvalidResponse', 502, undefined],
    ['CredentialRefused', 503, 'false'],
    ['SpendLimit', 503, 'false'],
    ['TooLarge', 413, 'false'],
    ['NotConfigured', 500, undefined],
    ['Internal', 500, undefined],
  ])('for %s is %i', (reason, status, shouldRetry) => {
    const failure = { reason, message: 'why', retryAfterMs: 1500 };
    expect(statusOf(reason)).toBe(status);
    const headers = errorHeaders(failure, 'req_1', 'é', PATIENT);
    expect(headers['content-length']).toBe('2');
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
    const headers = errorHeaders(failure, '', '', { ...PATIENT, random: () => chance });
    expect(headers['retry-after']).toBe(expected);
  });

  it('tells a client not to retry that has waited once and would have to wait longer than its patience', () => {
    const told = (retried: boolean, retryAfterMs: number): string | undefined =>
      errorHeaders({ reason: 'CircuitBreakerOpen', message: '', retryAfterMs }, '', '', {
        ...PATIENT,
        retried,
      })['x-should-retry'];
    expect([told(false, 60_000), told(true, 5000)]).toEqual([undefined, undefined]);
    expect(told(true, 5001)).toBe('false');
  });

  it('leaves retries of what failed at the provider to the client', () => {
    const failure: Failure = { reason: 'UpstreamUnreachable', message: '' };
    expect(errorHeaders(failure, '', '', PATIENT)['x-should-retry']).toBeUndefined();
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
