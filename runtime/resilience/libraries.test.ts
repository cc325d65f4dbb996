import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as cockatiel from 'cockatiel';
import Opossum from 'opossum';
import { Breaker } from './breaker.ts';
import { IGNORED, OK } from './outcome.ts';
import { acquire } from '../testing/breakerCall.ts';
import type { BreakerCall } from '../testing/breakerCall.ts';
import type { BreakerSpec } from './breakerSpec.ts';
import type { Outcome } from './outcome.ts';
import type { TripSpec } from './trip.ts';

/**
 * Faults of libraries at the versions in package.json, each shown on the library and then in the
 * same course of events on our breaker. A library that mends one fails here and may be looked at.
 */

const FAILURE: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
const fail = (): Promise<never> => Promise.reject(new Error('HTTP 500'));
const succeed = (): Promise<string> => Promise.resolve('answer');

function spec(trip: TripSpec): BreakerSpec {
  return {
    trip,
    failureOn: ['ServerError', 'Timeout'],
    openDurationMs: 30_000,
    maxOpenDurationMs: 30_000,
    halfOpen: { maxProbes: 1, successThreshold: 1 },
  };
}

function granted(breaker: Breaker, now: number): BreakerCall {
  const answer = acquire(breaker, now);
  if (answer.kind !== 'Permit') throw new Error(`rejected for ${answer.retryAfterMs} ms`);
  return answer;
}

/** A call that takes until it is told how it ends. */
function pending(): { promise: Promise<unknown>; resolve: () => void; reject: (e: Error) => void } {
  return Promise.withResolvers<void>();
}

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  jest.useRealTimers();
});

describe('five failures 60 s apart in a window of 10 s', () => {
  it('open the sampling breaker of cockatiel', async () => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 30_000,
      breaker: new cockatiel.SamplingBreaker({ threshold: 0.2, duration: 10_000, minimumRps: 0.5 }),
    });
    for (let i = 0; i < 5; i += 1) {
      await breaker.execute(fail).catch(() => undefined);
      jest.advanceTimersByTime(60_000);
    }
    expect(breaker.state).toBe(cockatiel.CircuitState.Open);
  });

  it('do not open ours', () => {
    const failureRate = { percent: 20, windowMs: 10_000, minimumCalls: 5 };
    const breaker = new Breaker(spec({ failureRate }), 0);
    for (let i = 0; i < 5; i += 1) granted(breaker, i * 60_000).settle(FAILURE, i * 60_000);
    expect(breaker.state(300_000)).toBe('Closed');
  });
});

describe('a cancelled half-open probe', () => {
  it('closes the breaker of cockatiel', async () => {
    const breaker = cockatiel.circuitBreaker(
      cockatiel.handleWhen((error) => (error as Error).name !== 'AbortError'),
      { halfOpenAfter: 30_000, breaker: new cockatiel.ConsecutiveBreaker(1) },
    );
    await breaker.execute(fail).catch(() => undefined);
    jest.advanceTimersByTime(30_000);
    const cancelled = Object.assign(new Error('cancelled'), { name: 'AbortError' });
    await breaker.execute(() => Promise.reject(cancelled)).catch(() => undefined);
    expect(breaker.state).toBe(cockatiel.CircuitState.Closed);
  });

  it('leaves ours half-open, with room for another probe', () => {
    const breaker = new Breaker(spec({ consecutiveFailures: 1 }), 0);
    granted(breaker, 0).settle(FAILURE, 0);
    granted(breaker, 30_000).settle(IGNORED, 30_001);
    expect(breaker.state(30_001)).toBe('HalfOpen');
    granted(breaker, 30_001);
  });
});

describe('other calls while a half-open probe runs', () => {
  it('are blocked behind it by cockatiel', async () => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 30_000,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    await breaker.execute(fail).catch(() => undefined);
    jest.advanceTimersByTime(30_000);
    const probe = pending();
    const first = breaker.execute(() => probe.promise);
    let answered = false;
    const second = breaker.execute(succeed).finally(() => (answered = true));
    await jest.advanceTimersByTimeAsync(600_000);
    expect(answered).toBe(false);
    probe.resolve();
    await Promise.all([first, second]);
  });

  it('are rejected at once by ours, so that a fallback can serve them', () => {
    const breaker = new Breaker(spec({ consecutiveFailures: 1 }), 0);
    granted(breaker, 0).settle(FAILURE, 0);
    granted(breaker, 30_000);
    expect(acquire(breaker, 30_000).kind).toBe('Rejection');
  });
});

describe('a late success of a call from before the circuit opened', () => {
  it('closes the breaker of opossum', async () => {
    const late = pending();
    const breaker = new Opossum((run: () => Promise<unknown>) => run(), {
      timeout: false,
      resetTimeout: 30_000,
      errorThresholdPercentage: 10,
    });
    const first = breaker.fire(() => late.promise);
    await breaker.fire(fail).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(breaker.halfOpen).toBe(true);
    late.resolve();
    await first;
    expect(breaker.closed).toBe(true);
    breaker.shutdown();
  });

  it('has no vote in ours', () => {
    const breaker = new Breaker(spec({ consecutiveFailures: 1 }), 0);
    const late = granted(breaker, 0);
    granted(breaker, 0).settle(FAILURE, 0);
    late.settle(OK, 30_000);
    expect(breaker.state(30_000)).toBe('HalfOpen');
  });
});

describe('a bad request as the half-open probe', () => {
  it('closes the breaker of opossum, though it is filtered out', async () => {
    const breaker = new Opossum((run: () => Promise<unknown>) => run(), {
      timeout: false,
      resetTimeout: 30_000,
      errorFilter: (error: Error) => error.message === 'HTTP 400',
    });
    await breaker.fire(fail).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(30_000);
    await breaker.fire(() => Promise.reject(new Error('HTTP 400'))).catch(() => undefined);
    expect(breaker.closed).toBe(true);
    breaker.shutdown();
  });

  it('leaves ours half-open', () => {
    const breaker = new Breaker(spec({ consecutiveFailures: 1 }), 0);
    granted(breaker, 0).settle(FAILURE, 0);
    granted(breaker, 30_000).settle(IGNORED, 30_000);
    expect(breaker.state(30_000)).toBe('HalfOpen');
  });
});

describe('twenty calls at once that fail after 1.5 s, with a window of 1 s', () => {
  it('never open the breaker of opossum, which counts calls when they begin', async () => {
    const slowFailure = (): Promise<never> =>
      new Promise((_, reject) => setTimeout(() => reject(new Error('HTTP 500')), 1500));
    const breaker = new Opossum(slowFailure, {
      timeout: false,
      rollingCountTimeout: 1000,
      rollingCountBuckets: 10,
      volumeThreshold: 5,
      errorThresholdPercentage: 50,
    });
    const calls = Array.from({ length: 20 }, () => breaker.fire().catch(() => undefined));
    await jest.advanceTimersByTimeAsync(1500);
    await Promise.all(calls);
    expect(breaker.opened).toBe(false);
    breaker.shutdown();
  });

  it('open ours, which counts them when they end', () => {
    const failureRate = { percent: 50, windowMs: 1000, minimumCalls: 5 };
    const breaker = new Breaker(spec({ failureRate }), 0);
    const permits = Array.from({ length: 20 }, () => granted(breaker, 0));
    for (const permit of permits) permit.settle(FAILURE, 1500);
    expect(breaker.state(1500)).toBe('Open');
  });
});
