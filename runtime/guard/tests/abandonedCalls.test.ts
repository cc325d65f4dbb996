import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Circuit } from '../../../contract/generated/types.ts';
import { Guard } from '../guard.ts';
import type { Permit } from '../permit.ts';

/** A client has left: a streamed call that received nothing, or one that received headers or is not streamed. */
const left = (client: string, silent = true): Outcome => ({
  vote: 'ignored',
  abandoned: { silent, client },
});

const SLOW = { percent: 100, slowerThanMs: 20_000, calls: 10, minimumCalls: 2 };

function bench(parts: Partial<Circuit>) {
  const clock = new FakeClock();
  const guard = new Guard({ clock });
  const apply = (changed: Partial<Circuit>): void =>
    guard.apply(content({ circuits: [circuitOf({ ...parts, ...changed })] }));
  apply({});
  const call = (ms: number, outcome: Outcome): void => {
    const permit = guard.dependency('model/primary')!.acquire() as Permit;
    clock.advance(ms);
    permit.settle(outcome);
  };
  return {
    ...{ clock, apply, call },
    state: () => guard.circuits()[0]!.state,
    reason: () => guard.circuits()[0]!.reason,
    failures: () => guard.stats().circuits[0]!.failures,
  };
}

describe('a call whose client leaves', () => {
  it('is ignored before all of the times', () => {
    const { call, state, failures } = bench({ trip: { consecutiveFailures: 1, slowCalls: SLOW } });
    for (let i = 0; i < 10; i += 1) call(19_000, left(`client ${i}`));
    expect([state(), failures()]).toEqual(['Closed', {}]);
  });

  it('counts as slow after slowerThan, but as neither a failure nor a success', () => {
    const { call, state, reason, failures } = bench({
      trip: { consecutiveFailures: 2, slowCalls: SLOW },
    });
    const failure: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' };
    call(1, failure);
    call(20_001, left('a', false));
    expect(state()).toBe('Closed');
    // It did not end the row of failures.
    call(1, failure);
    expect([state(), reason()]).toEqual(['Open', '2 consecutive failures (ServerError)']);
    expect(failures()).toEqual({ ServerError: 2 });
  });

  it('does not bring an expired failure back into its window', () => {
    const failureRate = { percent: 50, windowMs: 10_000, minimumCalls: 2 };
    const slowCalls = { ...SLOW, minimumCalls: 10 };
    const { call, apply, state } = bench({ trip: { failureRate, slowCalls } });
    for (let i = 0; i < 3; i += 1) call(1, OK);
    call(1, { vote: 'failure', class: 'ServerError', message: 'HTTP 500' });
    apply({ trip: { failureRate: { ...failureRate, percent: 25 }, slowCalls } });
    call(20_001, left('a', false));
    expect(state()).toBe('Closed');
  });

  it('opens the circuit by the rule for slow calls alone', () => {
    const { call, state, reason } = bench({ trip: { slowCalls: SLOW } });
    call(20_001, left('a', false));
    call(20_001, left('a', false));
    expect([state(), reason()]).toEqual(['Open', '100% of 2 calls slower than 20s']);
  });

  it('reopens a half-open circuit if it probed for longer than slowerThan', () => {
    const { clock, call, state, reason } = bench({ trip: { slowCalls: SLOW } });
    call(20_001, OK);
    call(20_001, OK);
    clock.advance(100_000);
    call(19_000, left('a'));
    expect(state()).toBe('HalfOpen');
    call(20_001, left('a', false));
    expect([state(), reason()]).toEqual(['Open', 'probe slower than 20s']);
  });

  it('counts as a Timeout when nothing has come for abandonedAfter', () => {
    const { call, state, failures } = bench({
      trip: { consecutiveFailures: 3 },
      abandonedAfterMs: 30_000,
    });
    call(30_000, left('a'));
    call(30_000, left('b'));
    expect(state()).toBe('Closed');
    call(30_000, left('c'));
    expect([state(), failures()]).toEqual(['Open', { Timeout: 3 }]);
  });

  it('counts once for several in a row from one client', () => {
    const { call, state, failures } = bench({
      trip: { consecutiveFailures: 2 },
      abandonedAfterMs: 30_000,
    });
    for (let i = 0; i < 10; i += 1) call(40_000, left('impatient'));
    expect([state(), failures()]).toEqual(['Closed', { Timeout: 1 }]);
    for (let i = 0; i < 20; i += 1) call(5, OK);
    call(40_000, left('impatient'));
    expect([state(), failures()]).toEqual(['Closed', { Timeout: 2 }]);
    call(40_000, left('another'));
    expect(state()).toBe('Open');
  });

  it('is no Timeout if headers or a ping have come', () => {
    const { call, failures } = bench({
      trip: { consecutiveFailures: 1 },
      abandonedAfterMs: 30_000,
    });
    call(50_000, left('a', false));
    expect(failures()).toEqual({});
  });

  it('follows an edited abandonedAfter at once, and keeps the counts', () => {
    const { call, apply, state, failures } = bench({
      trip: { consecutiveFailures: 2 },
      abandonedAfterMs: 30_000,
    });
    call(30_000, left('a'));
    apply({ abandonedAfterMs: 5000 });
    expect(failures()).toEqual({ Timeout: 1 });
    call(5000, left('b'));
    expect(state()).toBe('Open');
  });
});
