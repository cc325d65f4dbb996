import { describe, expect, it } from '@jest/globals';
import { REFUND } from '../admission.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { CircuitStatus, Content, Transition } from '../../../contract/generated/types.ts';
import type { Admission, Permit } from '../permit.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const OVERLOADED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };

interface Setup {
  clock: FakeClock;
  guard: Guard;
  told: [Transition, CircuitStatus][];
}

function setup(configuration: Content = content()): Setup {
  const clock = new FakeClock();
  const told: [Transition, CircuitStatus][] = [];
  const guard = new Guard({ clock, listener: { transition: (...args) => void told.push(args) } });
  guard.apply(configuration);
  return { clock, guard, told };
}

function permitOf(admission: Admission): Permit {
  if (admission.kind !== 'Permit') throw new Error(JSON.stringify(admission.rejection));
  return admission.permit;
}

function call(guard: Guard, outcome: Outcome, times = 1): void {
  for (let i = 0; i < times; i += 1) permitOf(guard.dependency(PRIMARY)!.acquire()).settle(outcome);
}

const policy = circuitOf({ policy: 'triage', openDurationMs: 60_000 });

describe('Guard around a dependency', () => {
  it('opens after the configured failures and rejects with the time to the next probe', () => {
    const { guard, clock } = setup(content({ circuits: [policy] }));
    call(guard, OVERLOADED, 5);
    clock.advance(20_000);
    expect(guard.dependency(PRIMARY)!.acquire()).toEqual({
      kind: 'Rejection',
      rejection: {
        reason: 'CircuitBreakerOpen',
        target: PRIMARY,
        policy: 'triage',
        retryAfterMs: 40_000,
      },
    });
  });

  it('counts failures anew after a success', () => {
    const { guard } = setup(content({ circuits: [policy] }));
    call(guard, OVERLOADED, 4);
    call(guard, OK, 64);
    call(guard, OVERLOADED, 4);
    expect(guard.circuits()[0]!.state).toBe('Closed');
    call(guard, OVERLOADED);
    expect(guard.circuits()[0]!.state).toBe('Open');
  });

  it('returns the token only of a refunded call', () => {
    const limit = limitOf({ target: PRIMARY, capacity: 2 });
    const { guard } = setup(content({ limits: [limit] }));
    permitOf(guard.dependency(PRIMARY)!.acquire()).settle(OK, REFUND);
    expect(guard.stats().limits).toMatchObject([{ requests: 1, tokens: 2 }]);
    permitOf(guard.dependency(PRIMARY)!.acquire()).settle(OK);
    expect(guard.stats().limits).toMatchObject([{ requests: 2, tokens: 1 }]);
  });

  it('reports an open circuit as the contract requires', () => {
    const { guard, clock } = setup(content({ circuits: [policy] }));
    clock.advance(1500);
    call(guard, OVERLOADED, 5);
    expect(guard.circuits()).toEqual([
      {
        dependency: PRIMARY,
        policy: 'triage',
        state: 'Open',
        since: '2026-01-01T00:00:01.500Z',
        reason: '5 consecutive failures (Overloaded)',
        nextProbe: '2026-01-01T00:01:01.500Z',
        lastFailure: { class: 'Overloaded', message: 'HTTP 529', time: '2026-01-01T00:00:01.500Z' },
      },
    ]);
  });

  it('reports every transition, without traffic if it is due to time', () => {
    const { guard, clock, told } = setup(content({ circuits: [policy] }));
    call(guard, OVERLOADED, 5);
    clock.advance(60_000);
    expect(told.map(([transition]) => transition)).toEqual([
      {
        sequence: 1,
        time: '2026-01-01T00:00:00.000Z',
        dependency: PRIMARY,
        policy: 'triage',
        from: 'Closed',
        to: 'Open',
        reason: '5 consecutive failures (Overloaded)',
      },
      {
        sequence: 2,
        time: '2026-01-01T00:01:00.000Z',
        dependency: PRIMARY,
        policy: 'triage',
        from: 'Open',
        to: 'HalfOpen',
        reason: 'open for 60s',
      },
    ]);
    expect(told.map(([, circuit]) => circuit.state)).toEqual(['Open', 'HalfOpen']);
    expect(guard.transitions()).toEqual(told.map(([transition]) => transition));
  });

  it('closes after probes whose tokens have come for 10 s without a pause', () => {
    const { guard, clock } = setup(content({ circuits: [policy] }));
    call(guard, OVERLOADED, 5);
    clock.advance(60_000);
    const streams = [0, 1].map(() => {
      const permit = permitOf(guard.dependency(PRIMARY)!.acquire());
      permit.firstToken();
      return permit;
    });
    const flow = (ms: number): void => {
      clock.advance(ms);
      for (const permit of streams) permit.flows();
    };
    flow(9000);
    // A pause as long starts the time anew.
    flow(10_000);
    flow(9999);
    expect(guard.circuits()).toMatchObject([{ state: 'HalfOpen' }]);
    flow(1);
    expect(guard.circuits()).toMatchObject([
      { state: 'Closed', reason: '2 of 2 probes succeeded' },
    ]);
    for (const permit of streams) permit.settle(OVERLOADED);
    expect(guard.circuits()).toMatchObject([{ state: 'Closed' }]);
    expect(guard.stats().circuits[0]).toMatchObject({ failures: { Overloaded: 7 }, inFlight: 0 });
  });

  it('ignores a first token after the end of the call', () => {
    const { guard, clock } = setup(content({ circuits: [policy] }));
    call(guard, OVERLOADED, 5);
    clock.advance(60_000);
    for (let i = 0; i < 2; i += 1) {
      const permit = permitOf(guard.dependency(PRIMARY)!.acquire());
      permit.settle(IGNORED);
      permit.firstToken();
    }
    expect(guard.circuits()).toMatchObject([{ state: 'HalfOpen' }]);
  });

  it('frees the place of a half-open probe when a limit rejects it', () => {
    const limit = limitOf({
      target: PRIMARY,
      capacity: 5,
      refill: { amount: 1, perMs: 3_600_000 },
    });
    const { guard, clock } = setup(content({ circuits: [policy], limits: [limit] }));
    call(guard, OVERLOADED, 5);
    clock.advance(60_000);
    expect(guard.dependency(PRIMARY)!.acquire()).toMatchObject({
      rejection: { reason: 'RateLimited' },
    });
    guard.apply(content({ circuits: [policy] }));
    expect(guard.dependency(PRIMARY)!.acquire().kind).toBe('Permit');
  });

  it('has the defaults without a policy', () => {
    const { guard } = setup();
    call(guard, OVERLOADED, 5);
    const [circuit] = guard.circuits();
    expect(circuit).toMatchObject({ state: 'Open', nextProbe: '2026-01-01T00:00:20.000Z' });
    expect(circuit).not.toHaveProperty('policy');
    const { rejection } = guard.dependency(PRIMARY)!.acquire() as Extract<
      Admission,
      { kind: 'Rejection' }
    >;
    expect(rejection).toEqual({
      reason: 'CircuitBreakerOpen',
      target: PRIMARY,
      retryAfterMs: 20_000,
    });
  });

  it('does not count a provider that limits the rate as a failure', () => {
    const { guard } = setup();
    call(guard, { vote: 'failure', class: 'RateLimited', message: 'HTTP 429' }, 20);
    const [circuit] = guard.circuits();
    expect(circuit).toMatchObject({ state: 'Closed' });
    expect(circuit).not.toHaveProperty('lastFailure');
  });

  it('is undefined if the configuration does not have it', () => {
    expect(setup().guard.dependency('model/other')).toBeUndefined();
  });

  it('counts a permit that is settled twice, but only its first vote', () => {
    const { guard } = setup(
      content({ circuits: [circuitOf({ trip: { consecutiveFailures: 2 } })] }),
    );
    const permit = permitOf(guard.dependency(PRIMARY)!.acquire());
    permit.settle(OVERLOADED);
    permit.settle(OVERLOADED);
    const inbound = permitOf(guard.inbound.acquire());
    inbound.settle(OK);
    inbound.settle(OK);
    expect(guard.circuits()).toMatchObject([{ state: 'Closed' }]);
    expect(guard.stats().settledTwice).toBe(2);
  });

  it('cuts a failure message to the longest that a status may have', () => {
    const { guard } = setup();
    call(guard, { vote: 'failure', class: 'Connection', message: 'x'.repeat(1000) });
    expect(guard.circuits()[0]!.lastFailure!.message).toHaveLength(256);
  });
});

describe('Guard for inbound requests', () => {
  const limit = limitOf({ capacity: 2, refill: { amount: 1, perMs: 1000 } });

  it('rejects beyond the burst and names the limit', () => {
    const { guard, clock } = setup(content({ limits: [limit] }));
    guard.inbound.acquire();
    guard.inbound.acquire();
    clock.advance(400);
    expect(guard.inbound.acquire()).toEqual({
      kind: 'Rejection',
      rejection: {
        reason: 'RateLimited',
        target: 'inbound',
        policy: 'limits',
        limit: 'requests',
        retryAfterMs: 600,
      },
    });
    clock.advance(600);
    expect(guard.inbound.acquire().kind).toBe('Permit');
  });

  it('takes from every limit or from none', () => {
    const narrow = limitOf({ name: 'narrow', capacity: 1, refill: { amount: 1, perMs: 60_000 } });
    const { guard } = setup(content({ limits: [limit, narrow] }));
    guard.inbound.acquire();
    guard.inbound.acquire();
    expect(guard.stats().limits).toMatchObject([
      { limit: 'requests', requests: 2, rejected: 0, tokens: 1 },
      { limit: 'narrow', requests: 2, rejected: 1, tokens: 0 },
    ]);
  });

  it('is limiting for ten seconds after a rejection', () => {
    const { guard, clock } = setup(content({ limits: [limit] }));
    for (let i = 0; i < 3; i += 1) guard.inbound.acquire();
    expect(guard.limits()).toEqual([
      {
        target: 'inbound',
        policy: 'limits',
        name: 'requests',
        usedPercent: 100,
        rejected: 1,
        limiting: true,
      },
    ]);
    clock.advance(10_000);
    expect(guard.limits()).toMatchObject([{ usedPercent: 0, rejected: 1, limiting: false }]);
  });

  it('is independent of calls of dependencies', () => {
    const { guard } = setup(
      content({
        limits: [
          limit,
          limitOf({ target: PRIMARY, capacity: 1, refill: { amount: 1, perMs: 60_000 } }),
        ],
      }),
    );
    call(guard, OK);
    expect(guard.dependency(PRIMARY)!.acquire()).toMatchObject({ rejection: { target: PRIMARY } });
    expect(guard.inbound.acquire().kind).toBe('Permit');
  });
});
