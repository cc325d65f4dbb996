import { describe, expect, it } from '@jest/globals';
import { streamErrorOutcome } from '../protocols/anthropicAnswer.ts';
import { IGNORED, failure } from '../resilience/outcome.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Fault } from '../errors/fault.ts';
import { statusOutcome } from './attempt/outcome.ts';
import { Retries } from './nextAttempt.ts';
import { movable, retryReason, retryable, unitsOf } from './retry.ts';

const SPEC = {
  maxAttempts: 4,
  baseDelayMs: 500,
  maxDelayMs: 1500,
  budgetPercent: 20,
  minPerSecond: 1,
};

function ended(part: Partial<AttemptResult>): AttemptResult {
  return { outcome: IGNORED, committed: false, whole: false, usage: {}, ...part };
}

function answered(status: number, part: Partial<AttemptResult> = {}): AttemptResult {
  return ended({ status, outcome: statusOutcome(status), ...part });
}

function retries(
  spec: typeof SPEC | undefined = SPEC,
  left = Infinity,
  random = 0.5,
  ownTurn = false,
): { next: (result: AttemptResult, leftMs: number) => number | undefined } {
  let budget = left;
  const some = new Retries(spec, ownTurn, () => random);
  return { next: (result, leftMs) => some.next(result, leftMs, () => (budget -= 1) >= 0) };
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

  it('is nothing after a spend limit or a refused credential', () => {
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

  it('has the failure as its reason in metrics', () => {
    expect(retryReason(ended({ outcome: failure('Timeout', '') }))).toBe('Timeout');
    expect(retryReason(answered(409))).toBe('Conflict');
    expect(retryReason(answered(408))).toBe('RequestTimeout');
  });
});

describe('what another attempt costs', () => {
  it('is twice as much after a timeout as after an error', () => {
    expect(unitsOf(ended({ outcome: failure('Timeout', ''), fault: 'FirstToken' }))).toBe(2);
    expect(unitsOf(answered(500))).toBe(1);
    expect(unitsOf(answered(409))).toBe(1);
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

  it('follows a model that is not found, if it is the endpoint’s own', () => {
    const missing: Partial<AttemptResult> = { error: 'ModelMissing' };
    expect(movable(answered(404, missing), true)).toBe('Early');
    expect(movable(answered(404, missing), false)).toBe('No');
    expect(movable(answered(404), true)).toBe('No');
  });

  it('follows a prompt that is too long, to a larger context', () => {
    expect(movable(answered(400, { error: 'PromptTooLong' }))).toBe('LargerContext');
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
  it('wait with full jitter up to a time that doubles to maxDelay', () => {
    const half = retries();
    const waits = [1, 2, 3, 4].map(() => half.next(answered(500), Infinity));
    expect(waits).toEqual([250, 500, 750, undefined]);
    expect(retries(SPEC, 9, 0).next(answered(500), Infinity)).toBe(0);
  });

  it('do not begin before the requested time', () => {
    expect(retries().next(answered(503, { retryAfterMs: 1000 }), Infinity)).toBe(1250);
    expect(retries().next(answered(503, { retryAfterMs: 1400 }), Infinity)).toBe(1500);
  });

  it('do not follow a wait longer than maxDelay', () => {
    expect(retries().next(answered(503, { retryAfterMs: 1501 }), Infinity)).toBeUndefined();
  });

  it('do not wait longer than a second for a rate limit, except in turns of the agent itself', () => {
    const refusal = { gate: 'RateLimited' as const };
    const limited = (retryAfterMs: number): AttemptResult =>
      answered(429, { retryAfterMs, refusal });
    expect(retries().next(limited(1000), Infinity)).toBe(1250);
    expect(retries().next(limited(1001), Infinity)).toBeUndefined();
    expect(retries(SPEC, 9, 0.5, true).next(limited(1001), Infinity)).toBe(1251);
    expect(retries(SPEC, 9, 0.5, true).next(limited(1501), Infinity)).toBeUndefined();
  });

  it('do not begin if the wait is longer than the time left', () => {
    expect(retries().next(answered(503, { retryAfterMs: 1000 }), 1250)).toBeUndefined();
    expect(retries().next(answered(500), 250)).toBeUndefined();
  });

  it('take nothing out of the budget if they are not made', () => {
    const some = retries(SPEC, 1);
    expect(some.next(answered(500), 1)).toBeUndefined();
    expect(some.next(answered(400), Infinity)).toBeUndefined();
    expect(some.next(answered(500), Infinity)).toBeDefined();
    expect(some.next(answered(500), Infinity)).toBeUndefined();
  });

  it('follow an overload or a conflict at most once', () => {
    const some = retries();
    expect(some.next(answered(529), Infinity)).toBeDefined();
    expect(some.next(answered(500), Infinity)).toBeDefined();
    expect(some.next(answered(409), Infinity)).toBeUndefined();
  });
});
