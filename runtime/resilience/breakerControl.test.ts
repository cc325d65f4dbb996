import { describe, expect, it } from '@jest/globals';
import { Breaker } from './breaker.ts';
import { OK } from './outcome.ts';
import { acquire } from '../testing/breakerCall.ts';
import type { BreakerCall } from '../testing/breakerCall.ts';
import type { BreakerSnapshot, BreakerTransition } from './breaker.ts';
import type { BreakerSpec } from './breakerSpec.ts';
import type { Outcome } from './outcome.ts';

const FAILURE: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const SPEC: BreakerSpec = {
  trip: { consecutiveFailures: 3 },
  failureOn: ['Overloaded'],
  openDurationMs: 10_000,
  maxOpenDurationMs: 60_000,
  halfOpen: { maxProbes: 1, successThreshold: 1 },
};

/** A breaker with a clock at `now`. */
class Bench {
  now = 0;
  spec: BreakerSpec;
  readonly transitions: BreakerTransition[] = [];
  readonly breaker: Breaker;

  constructor(spec: Partial<BreakerSpec> = {}) {
    this.spec = { ...SPEC, ...spec };
    this.breaker = new Breaker(this.spec, 0, (each) => this.transitions.push(each));
  }

  apply(spec: Partial<BreakerSpec>): void {
    this.spec = { ...this.spec, ...spec };
    this.breaker.apply(this.spec, this.now);
  }

  permit(): BreakerCall {
    const answer = acquire(this.breaker, this.now);
    if (answer.kind !== 'Permit') throw new Error(`rejected for ${answer.retryAfterMs} ms`);
    return answer;
  }

  call(outcome: Outcome, ms = 0): void {
    const permit = this.permit();
    this.now += ms;
    permit.settle(outcome, this.now);
  }

  calls(count: number, outcome: Outcome): void {
    for (let i = 0; i < count; i += 1) this.call(outcome);
  }

  /** How many of `count` calls at once are let through. */
  admitted(count: number): number {
    const answers = Array.from({ length: count }, () => acquire(this.breaker, this.now).kind);
    return answers.filter((kind) => kind === 'Permit').length;
  }

  state(): string {
    return this.breaker.state(this.now);
  }

  last(): string {
    return this.transitions.at(-1)?.reason ?? '';
  }
}

describe('the failure rate', () => {
  const trip = { failureRate: { percent: 50, windowMs: 10_000, minimumCalls: 4 } };

  it('opens at its threshold once enough calls have ended, even if the last is a success', () => {
    const bench = new Bench({ trip });
    bench.calls(3, FAILURE);
    expect(bench.state()).toBe('Closed');
    bench.call(OK);
    expect(bench.last()).toBe('75% of 4 calls in 10s failed');
  });

  it('counts calls when they end, for any duration', () => {
    const bench = new Bench({ trip });
    const permits = Array.from({ length: 4 }, () => bench.permit());
    bench.now = 100_000;
    for (const permit of permits) permit.settle(FAILURE, bench.now);
    expect(bench.state()).toBe('Open');
  });

  it('forgets a call when it has left the window', () => {
    const bench = new Bench({ trip });
    bench.calls(3, FAILURE);
    bench.now = 10_000;
    bench.call(FAILURE);
    expect(bench.state()).toBe('Closed');
  });

  it('forgets exactly the oldest call in a window of calls', () => {
    const bench = new Bench({ trip: { failureRate: { percent: 50, calls: 4, minimumCalls: 4 } } });
    for (const outcome of [FAILURE, OK, OK, OK, FAILURE, OK]) bench.call(outcome);
    expect(bench.state()).toBe('Closed');
    bench.call(FAILURE);
    expect(bench.last()).toBe('50% of 4 calls failed');
  });

  it('keeps the calls within the window when the spec changes, even to the other kind of window', () => {
    const bench = new Bench({ trip });
    bench.calls(3, FAILURE);
    bench.apply({ trip: { failureRate: { percent: 50, calls: 10, minimumCalls: 4 } } });
    bench.apply({ trip: { failureRate: { percent: 50, windowMs: 60_000, minimumCalls: 4 } } });
    expect(bench.state()).toBe('Closed');
    bench.call(FAILURE);
    expect(bench.last()).toBe('100% of 4 calls in 60s failed');
  });
});

describe('a rule that is edited', () => {
  const rate = { percent: 50, minimumCalls: 4 };

  it('keeps no call from before it was off', () => {
    const bench = new Bench({ trip: { failureRate: { ...rate, windowMs: 60_000 } } });
    bench.calls(3, FAILURE);
    bench.apply({ trip: { consecutiveFailures: 10 } });
    bench.apply({ trip: { failureRate: { ...rate, windowMs: 60_000 } } });
    bench.call(FAILURE);
    expect(bench.state()).toBe('Closed');
    bench.calls(3, FAILURE);
    expect(bench.last()).toBe('100% of 4 calls in 60s failed');
  });

  it('keeps no failure in a row from before it was off', () => {
    const bench = new Bench({ trip: { consecutiveFailures: 3 } });
    bench.calls(2, FAILURE);
    bench.apply({ trip: { failureRate: { ...rate, calls: 10 } } });
    bench.apply({ trip: { consecutiveFailures: 3 } });
    bench.calls(2, FAILURE);
    expect(bench.state()).toBe('Closed');
    bench.call(FAILURE);
    expect(bench.last()).toBe('3 consecutive failures (Overloaded)');
  });

  it('drops no call more than a tenth of a window of 1 s early', () => {
    const bench = new Bench({ trip: { failureRate: { ...rate, windowMs: 1000 } } });
    bench.now = 950;
    bench.calls(3, FAILURE);
    bench.now = 1840;
    bench.call(FAILURE);
    expect(bench.last()).toBe('100% of 4 calls in 1s failed');
  });
});

describe('slow calls', () => {
  const slowCalls = { percent: 100, windowMs: 60_000, minimumCalls: 2, slowerThanMs: 1000 };

  it('count an unstreamed call by its whole duration', () => {
    const bench = new Bench({ trip: { slowCalls } });
    bench.call(OK, 1001);
    bench.call(OK, 1001);
    expect(bench.last()).toBe('100% of 2 calls in 60s slower than 1s');
  });

  it('count a streamed call by its first token', () => {
    const bench = new Bench({ trip: { slowCalls } });
    for (let i = 0; i < 3; i += 1) {
      const permit = bench.permit();
      permit.firstToken(bench.now + 1000);
      bench.now += 60_000;
      permit.settle(OK, bench.now);
    }
    expect(bench.state()).toBe('Closed');
  });

  it('include calls that their outcome marks as slow', () => {
    const bench = new Bench({ trip: { slowCalls } });
    bench.calls(2, { vote: 'ok', slow: true });
    expect(bench.state()).toBe('Open');
  });

  it('make a probe fail', () => {
    const bench = new Bench({ trip: { slowCalls } });
    bench.calls(2, { vote: 'ok', slow: true });
    bench.now += 10_000;
    const probe = bench.permit();
    probe.firstToken(bench.now + 1001);
    probe.settle(OK, bench.now + 5000);
    expect(bench.last()).toBe('probe slower than 1s');
  });
});

describe('the ramp-up', () => {
  function ramping(): Bench {
    const bench = new Bench({ rampUpMs: 30_000 });
    bench.calls(3, FAILURE);
    bench.now += 10_000;
    bench.call(OK);
    return bench;
  }

  it.each([
    [0, 11],
    [10_000, 25],
    [20_000, 50],
    [30_000, 100],
  ])('admits, after %d ms, %d of 100 calls', (ms, count) => {
    const bench = ramping();
    bench.now += ms;
    expect(Math.abs(bench.admitted(100) - count)).toBeLessThanOrEqual(1);
  });

  it('admits a call whenever none is in flight', () => {
    const bench = ramping();
    bench.calls(50, OK);
    expect(bench.breaker.rejections).toBe(0);
  });

  it('does not reject calls after a reset', () => {
    const bench = ramping();
    bench.breaker.reset('reset', bench.now);
    expect(bench.admitted(100)).toBe(100);
  });
});

describe('a breaker in shadow mode', () => {
  it('changes state and rejects nothing, but counts calls that it would have rejected', () => {
    const bench = new Bench({ shadow: true });
    bench.calls(3, FAILURE);
    expect(bench.state()).toBe('Open');
    bench.calls(5, FAILURE);
    expect(bench.breaker.rejections).toBe(5);
    bench.now += 10_000;
    const probe = bench.permit();
    bench.calls(2, FAILURE);
    probe.settle(OK, bench.now);
    expect(bench.transitions.map(({ to }) => to)).toEqual(['Open', 'HalfOpen', 'Closed']);
    expect(bench.breaker.rejections).toBe(7);
  });
});

describe('an override', () => {
  it('holds the circuit open until it expires, and then lets it probe', () => {
    const bench = new Bench();
    bench.apply({ override: { state: 'Open', until: 90_000, reason: 'maintenance' } });
    expect([bench.state(), bench.last()]).toEqual(['Open', 'override: maintenance']);
    bench.now = 80_000;
    expect(acquire(bench.breaker, bench.now)).toEqual({ kind: 'Rejection', retryAfterMs: 10_000 });
    expect(bench.breaker.nextDeadline(bench.now)).toBe(90_000);
    bench.now = 90_000;
    expect([bench.state(), bench.breaker.overridden(90_000)]).toEqual(['HalfOpen', undefined]);
    bench.call(OK);
    expect(bench.state()).toBe('Closed');
  });

  it('without an end holds it open until it is removed, and then lets it probe', () => {
    const bench = new Bench({ override: { state: 'Open' } });
    bench.now = 1e9;
    expect(acquire(bench.breaker, bench.now)).toEqual({ kind: 'Rejection', retryAfterMs: 10_000 });
    expect(bench.breaker.nextDeadline(bench.now)).toBeUndefined();
    bench.breaker.apply(SPEC, bench.now);
    expect([bench.state(), bench.last()]).toEqual(['HalfOpen', 'override removed']);
  });

  it('holds it closed despite failures, and afterwards the rules apply again', () => {
    const bench = new Bench();
    bench.calls(3, FAILURE);
    bench.apply({ override: { state: 'Closed', until: 50_000 } });
    expect([bench.state(), bench.last()]).toEqual(['Closed', 'override']);
    bench.calls(20, FAILURE);
    expect(bench.state()).toBe('Closed');
    bench.now = 50_000;
    bench.call(FAILURE);
    expect(bench.last()).toBe('21 consecutive failures (Overloaded)');
  });

  it('takes precedence over a reset', () => {
    const bench = new Bench({ override: { state: 'Open' } });
    bench.breaker.reset('reset', 0);
    expect(bench.state()).toBe('Open');
  });
});

describe('a reset', () => {
  it('closes an open circuit and forgets earlier failures', () => {
    const bench = new Bench();
    bench.calls(3, FAILURE);
    bench.breaker.reset('reset token changed', 0);
    expect([bench.state(), bench.last()]).toEqual(['Closed', 'reset token changed']);
    bench.calls(2, FAILURE);
    expect(bench.state()).toBe('Closed');
  });
});

describe('a snapshot', () => {
  function saved(bench: Bench): NonNullable<ReturnType<Breaker['snapshot']>> {
    const snapshot = bench.breaker.snapshot(bench.now);
    return JSON.parse(JSON.stringify(snapshot)) as NonNullable<typeof snapshot>;
  }

  it('of a closed circuit is undefined', () => {
    expect(new Bench().breaker.snapshot(0)).toBeUndefined();
  });

  it('lets another process continue, and counts the time in between', () => {
    const bench = new Bench();
    bench.calls(3, FAILURE);
    bench.now += 10_000;
    bench.call(FAILURE);
    bench.now += 4000;
    const next = new Bench();
    next.now = 77;
    expect(next.breaker.restore(saved(bench), 3000, 60_000, 77)).toBe(true);
    expect([next.state(), next.breaker.nextDeadline(77)]).toEqual(['Open', 77 + 13_000]);
    expect(next.transitions).toEqual([]);
  });

  it('that is too old or from the future is ignored', () => {
    const bench = new Bench();
    bench.calls(3, FAILURE);
    const next = new Bench();
    expect(next.breaker.restore(saved(bench), 60_001, 60_000, 0)).toBe(false);
    expect(next.breaker.restore(saved(bench), -1, 60_000, 0)).toBe(false);
    expect(next.state()).toBe('Closed');
  });

  it('of a circuit that was held open lets it probe if the override is gone', () => {
    const bench = new Bench({ override: { state: 'Open' } });
    const next = new Bench();
    next.breaker.restore(saved(bench), 0, 60_000, 0);
    expect(next.state()).toBe('HalfOpen');
  });
});

describe('a saved state that no process wrote', () => {
  const YEAR_MS = 31_622_400_000;
  const SOUND: BreakerSnapshot = {
    state: 'Open',
    openForMs: 0,
    reopened: 0,
    spread: 0,
    held: false,
  };
  const spec: BreakerSpec = {
    trip: { consecutiveFailures: 1 },
    failureOn: ['ServerError'],
    openDurationMs: 1000,
    maxOpenDurationMs: 1000,
    halfOpen: { maxProbes: 1, successThreshold: 1 },
  };

  it.each<Partial<BreakerSnapshot>>([
    { openForMs: -100 * YEAR_MS },
    { openForMs: NaN },
    { spread: 1e12 },
    { spread: -1 },
    { reopened: -1 },
    { reopened: 1e9 },
    { state: 'Shut' as 'Open' },
  ])('is ignored: %j', (change) => {
    const breaker = new Breaker(spec, 0);
    expect(breaker.restore({ ...SOUND, ...change }, 0, 60_000, 0)).toBe(false);
    expect(breaker.state(0)).toBe('Closed');
    expect(breaker.restore(SOUND, 0, 60_000, 0)).toBe(true);
    expect(breaker.nextDeadline(0)).toBe(1000);
  });
});
