import { describe, expect, it } from '@jest/globals';
import { IGNORED } from '../resilience/outcome.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Fault } from '../errors/fault.ts';
import { failure, statusOutcome, streamErrorOutcome } from './attempt/outcome.ts';
import { Retries, movable, retryReason, retryable } from './retry.ts';

const SPEC = { maxAttempts: 4, baseDelayMs: 500, maxDelayMs: 1500, budgetPercent: 20 };

function ended(part: Partial<AttemptResult>): AttemptResult {
  return { outcome: IGNORED, committed: false, whole: false, usage: {}, ...part };
}

function answered(status: number, part: Partial<AttemptResult> = {}): AttemptResult {
  return ended({ status, outcome: statusOutcome(status), ...part });
}

function retries(spec: typeof SPEC | undefined = SPEC, left = Infinity, random = 0.5): Retries {
  let budget = left;
  return new Retries(
    spec,
    () => (budget -= 1) >= 0,
    () => random,
  );
}

describe('what may be retried', () => {
  it.each([
    [400, 'No'],
    [401, 'No'],
    [403, 'No'],
    [404, 'No'],
    [408, 'Once'],
    [409, 'Once'],
    [413, 'No'],
    [422, 'No'],
    [429, 'Yes'],
    [500, 'Yes'],
    [502, 'Yes'],
    [503, 'Yes'],
    [504, 'Yes'],
    [520, 'Yes'],
    [529, 'Once'],
    [307, 'No'],
  ])('after status %i is %s', (status, expected) => {
    expect(retryable(answered(status))).toBe(expected);
    expect(retryable(answered(status, { committed: true }))).toBe('No');
    expect(retryable(answered(status, { final: true }))).toBe('No');
  });

  it.each<[Fault, string]>([
    ['UpstreamUnreachable', 'Yes'],
    ['BrokeOff', 'Yes'],
    ['InvalidResponse', 'Yes'],
    ['Attempt', 'Yes'],
    ['FirstToken', 'Yes'],
    ['StreamIdle', 'Yes'],
    ['TransportIdle', 'Yes'],
    ['Deadline', 'No'],
    ['Stream', 'No'],
    ['ClientGone', 'No'],
    ['Drain', 'No'],
    ['Unsendable', 'No'],
  ])('after %s is %s', (fault, expected) => {
    expect(retryable(ended({ fault }))).toBe(expected);
    expect(retryable(ended({ fault, committed: true }))).toBe('No');
  });

  it('is nothing when the money is spent or the credential refused', () => {
    expect(retryable(answered(429, { refusal: { gate: 'SpendLimit' } }))).toBe('No');
    expect(retryable(answered(401, { refusal: { gate: 'Unauthorized' } }))).toBe('No');
    expect(retryable(answered(429, { refusal: { gate: 'RateLimited' } }))).toBe('Yes');
  });

  it('is a stream that began with an error, by the type of the error', () => {
    const began = (type: string): AttemptResult =>
      answered(200, { outcome: streamErrorOutcome(type) });
    expect(retryable(began('overloaded_error'))).toBe('Once');
    expect(retryable(began('api_error'))).toBe('Yes');
    expect(retryable(began('invalid_request_error'))).toBe('No');
  });

  it('is counted under what went wrong', () => {
    expect(retryReason(ended({ outcome: failure('Timeout', '') }))).toBe('Timeout');
    expect(retryReason(answered(409))).toBe('Conflict');
    expect(retryReason(answered(408))).toBe('RequestTimeout');
  });
});

describe('moving on to another endpoint', () => {
  it.each([
    [400, 'No'],
    [403, 'No'],
    [404, 'No'],
    [408, 'No'],
    [409, 'No'],
    [413, 'No'],
    [422, 'No'],
    [500, 'Yes'],
    [503, 'Yes'],
    [520, 'Yes'],
    [529, 'Early'],
  ])('after status %i is %s', (status, expected) => {
    expect(movable(answered(status))).toBe(expected);
    expect(movable(answered(status, { committed: true }))).toBe('No');
  });

  it.each<[Fault, string]>([
    ['UpstreamUnreachable', 'Yes'],
    ['BrokeOff', 'Yes'],
    ['InvalidResponse', 'Yes'],
    ['Attempt', 'Early'],
    ['FirstToken', 'Early'],
    ['StreamIdle', 'Early'],
    ['TransportIdle', 'Early'],
    ['Deadline', 'No'],
    ['Stream', 'No'],
    ['ClientGone', 'No'],
    ['Drain', 'No'],
    ['Unsendable', 'No'],
  ])('after %s is %s', (fault, expected) => {
    expect(movable(ended({ fault }))).toBe(expected);
    expect(movable(ended({ fault, committed: true }))).toBe('No');
  });

  it('depends on the credential when that is refused', () => {
    const refused = (gate: 'RateLimited' | 'SpendLimit' | 'Unauthorized'): string =>
      movable(answered(429, { refusal: { gate } }));
    expect(refused('RateLimited')).toBe('Early');
    expect(refused('SpendLimit')).toBe('OtherCredential');
    expect(refused('Unauthorized')).toBe('OtherCredential');
  });

  it('follows a stream that began with an error, by the type of the error', () => {
    const began = (type: string): string =>
      movable(answered(200, { outcome: streamErrorOutcome(type) }));
    expect(began('overloaded_error')).toBe('Early');
    expect(began('api_error')).toBe('Yes');
    expect(began('invalid_request_error')).toBe('No');
  });
});

describe('retries', () => {
  it('wait with full jitter between nothing and a time that doubles up to the longest', () => {
    const half = retries();
    const waits = [1, 2, 3, 4].map(() => half.next(answered(500), Infinity));
    expect(waits).toEqual([250, 500, 750, undefined]);
    expect(retries(SPEC, 9, 0).next(answered(500), Infinity)).toBe(0);
  });

  it('do not come before the time that was asked for', () => {
    expect(retries().next(answered(429, { retryAfterMs: 2000 }), Infinity)).toBe(2250);
  });

  it('are not begun when the wait does not fit into what is left', () => {
    expect(retries().next(answered(429, { retryAfterMs: 3_600_000 }), 300_000)).toBeUndefined();
    expect(retries().next(answered(500), 250)).toBeUndefined();
  });

  it('take nothing out of the budget when they are not made', () => {
    const some = retries(SPEC, 1);
    expect(some.next(answered(500), 1)).toBeUndefined();
    expect(some.next(answered(400), Infinity)).toBeUndefined();
    expect(some.next(answered(500), Infinity)).toBeDefined();
    expect(some.next(answered(500), Infinity)).toBeUndefined();
  });

  it('come at most once for what is overloaded or in conflict', () => {
    const some = retries();
    expect(some.next(answered(529), Infinity)).toBeDefined();
    expect(some.next(answered(500), Infinity)).toBeDefined();
    expect(some.next(answered(409), Infinity)).toBeUndefined();
  });

  it('do not come where nothing is configured', () => {
    expect(
      new Retries(
        undefined,
        () => true,
        () => 0,
      ).next(answered(500), 1e9),
    ).toBeUndefined();
  });
});
