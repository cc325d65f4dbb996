import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import type { Circuit, CircuitStatus, Transition } from '../../../contract/generated/types.ts';
import type { GuardSnapshot } from '../guard.ts';
import type { Outcome } from '../../resilience/outcome.ts';

const PRIMARY = 'model/primary';
const START = '2026-01-01T00:00:00.000Z';

/** A guard under one policy. */
class Bench {
  readonly clock: FakeClock;
  readonly told: Transition[] = [];
  readonly guard: Guard;

  constructor(policy: Partial<Circuit> = {}, start = START) {
    this.clock = new FakeClock(start);
    this.guard = new Guard({
      clock: this.clock,
      listener: { transition: (each) => void this.told.push(each) },
    });
    this.apply(policy);
  }

  apply(policy: Partial<Circuit>): void {
    this.guard.apply(content({ circuits: [circuitOf({ policy: 'p', ...policy })] }));
  }

  call(outcome: Outcome, times = 1): void {
    for (let i = 0; i < times; i += 1) {
      const answer = this.guard.dependency(PRIMARY)!.acquire();
      if (answer.kind !== 'Permit') throw new Error(answer.rejection.reason);
      answer.settle(outcome);
    }
  }

  open(): void {
    this.call({ vote: 'failure', class: 'ServerError', message: 'HTTP 500' }, 5);
  }

  status(): CircuitStatus {
    return this.guard.circuits()[0]!;
  }

  saved(): GuardSnapshot {
    return JSON.parse(JSON.stringify(this.guard.snapshot())) as GuardSnapshot;
  }
}

describe('a policy', () => {
  it('decides which classes are failures', () => {
    const bench = new Bench({ failureOn: ['RateLimited'] });
    bench.open();
    expect(bench.status().state).toBe('Closed');
    bench.call({ vote: 'failure', class: 'RateLimited', message: 'HTTP 429' }, 5);
    expect(bench.status().state).toBe('Open');
  });

  it('opens by the share of failed or slow calls', () => {
    const rate = { percent: 50, windowMs: 60_000, minimumCalls: 2 };
    const bench = new Bench({
      trip: { failureRate: rate, slowCalls: { ...rate, slowerThanMs: 5 } },
    });
    bench.call({ vote: 'ok', slow: true }, 2);
    expect(bench.status().reason).toBe('100% of 2 calls in 60s slower than 0.005s');
  });

  it('rejects nothing in shadow mode, which the status shows', () => {
    const bench = new Bench({ mode: 'Shadow' });
    bench.open();
    bench.call(OK, 3);
    expect(bench.status()).toMatchObject({ state: 'Open', shadow: true });
    expect(bench.guard.stats().circuits).toMatchObject([{ requests: 8, rejected: 3 }]);
  });

  it('overrides until it expires by the wall clock, without traffic', () => {
    const bench = new Bench();
    const override = { state: 'Open', reason: 'maintenance', expiresAt: '2026-01-01T00:01:00Z' };
    bench.apply({ override: override as NonNullable<Circuit['override']> });
    expect(bench.status()).toMatchObject({
      state: 'Open',
      overridden: 'Open',
      reason: 'override: maintenance',
      nextProbe: '2026-01-01T00:01:00.000Z',
    });
    bench.clock.advance(60_000);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'override expired' });
    expect(bench.status()).not.toHaveProperty('overridden');
  });
});

describe('an override with an end, when the wall clock steps', () => {
  const override = { state: 'Open', expiresAt: '2026-01-01T01:00:00Z' } as const;

  it('ends when the clock is set forward beyond its end, without traffic', () => {
    const bench = new Bench({ override });
    bench.clock.stepWall(3_600_000);
    bench.clock.advance(1000);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'override expired' });
  });

  it('ends before the first call after such a step', () => {
    const bench = new Bench({ override });
    bench.clock.stepWall(3_600_000);
    bench.call(OK);
    expect(bench.told.at(-1)).toMatchObject({ to: 'HalfOpen', reason: 'override expired' });
  });

  it('lasts longer when the clock is set back', () => {
    const bench = new Bench({ override });
    bench.clock.stepWall(-3_600_000);
    bench.clock.advance(3_600_000);
    expect(bench.status()).toMatchObject({
      overridden: 'Open',
      nextProbe: '2026-01-01T01:00:00.000Z',
    });
    bench.clock.advance(3_600_000);
    expect(bench.status()).toMatchObject({ state: 'HalfOpen' });
  });

  it('is in force again when the clock is set back to before its end', () => {
    const bench = new Bench({ override });
    bench.clock.advance(3_600_000);
    expect(bench.status()).toMatchObject({ state: 'HalfOpen' });
    bench.clock.stepWall(-60_000);
    expect(bench.status()).toMatchObject({ state: 'Open', overridden: 'Open' });
    bench.clock.advance(60_000);
    expect(bench.status()).toMatchObject({ state: 'HalfOpen' });
  });

  it('closes a circuit no longer than until its end by the wall clock', () => {
    const bench = new Bench({ override: { ...override, state: 'Closed' } });
    bench.open();
    expect(bench.status()).toMatchObject({ state: 'Closed', overridden: 'Closed' });
    bench.clock.stepWall(3_600_000);
    bench.call({ vote: 'failure', class: 'ServerError', message: 'HTTP 500' });
    expect(bench.status()).toMatchObject({ state: 'Open' });
  });
});

describe('a reset token', () => {
  it('closes the circuit once for each change, and is acknowledged', () => {
    const bench = new Bench({ resetToken: '1' });
    bench.open();
    bench.apply({ resetToken: '1' });
    expect(bench.status()).toMatchObject({ state: 'Open', handledResetToken: '1' });
    bench.apply({ resetToken: '2' });
    expect(bench.status()).toMatchObject({ state: 'Closed', handledResetToken: '2' });
    expect(bench.told.at(-1)).toMatchObject({ reason: 'reset token changed' });
    bench.open();
    bench.apply({ resetToken: '2' });
    expect(bench.status().state).toBe('Open');
  });

  it('closes the circuit also if it is the first of a policy in force', () => {
    const bench = new Bench();
    bench.open();
    bench.apply({ resetToken: '1' });
    expect(bench.status()).toMatchObject({ state: 'Closed', handledResetToken: '1' });
    bench.open();
    bench.apply({});
    bench.apply({ resetToken: '1' });
    expect(bench.status()).toMatchObject({ state: 'Open', handledResetToken: '1' });
  });

  it('does not close the circuit if it comes with a new policy', () => {
    const bench = new Bench();
    bench.guard.apply(content());
    bench.open();
    bench.apply({ resetToken: '1' });
    expect(bench.status()).toMatchObject({ state: 'Open', handledResetToken: '1' });
  });

  it('closes the circuit also if it is the first and came while the process was down', () => {
    const before = new Bench();
    before.open();
    const after = new Bench({ resetToken: '1' });
    after.guard.restore(before.saved(), 60_000);
    expect(after.status()).toMatchObject({ state: 'Closed', handledResetToken: '1' });
  });

  it('of another policy does not count as changed', () => {
    const bench = new Bench({ resetToken: '1' });
    bench.open();
    bench.apply({ policy: 'other', resetToken: '2' });
    expect(bench.status()).toMatchObject({ state: 'Open', handledResetToken: '2' });
  });

  it('closes the restored circuit if it changed while the process was down', () => {
    const before = new Bench({ resetToken: '1' });
    before.open();
    const after = new Bench({ resetToken: '2' });
    after.guard.restore(before.saved(), 60_000);
    expect(after.status()).toMatchObject({ state: 'Closed', handledResetToken: '2' });
  });
});

describe('a process that was killed', () => {
  it('leaves its open circuit to the next process', () => {
    const before = new Bench();
    before.clock.advance(5000);
    before.open();
    const after = new Bench({}, '2026-01-01T00:00:20.000Z');
    after.guard.restore(before.saved(), 600_000);
    expect(after.told).toEqual([]);
    expect(after.status()).toEqual({ ...before.status(), handledResetToken: undefined });
    after.clock.advance(45_000);
    expect(after.told).toMatchObject([{ from: 'Open', to: 'HalfOpen', reason: 'open for 60s' }]);
  });

  it('leaves nothing to a process that starts much later', () => {
    const before = new Bench();
    before.open();
    const after = new Bench({}, '2026-01-01T00:10:00.001Z');
    after.guard.restore(before.saved(), 600_000);
    expect(after.status().state).toBe('Closed');
  });

  it('leaves nothing of unknown dependencies', () => {
    const before = new Bench();
    before.open();
    const saved = before.saved();
    saved.circuits[0]!.dependency = 'model/gone';
    const after = new Bench();
    after.guard.restore(saved, 600_000);
    expect(after.status().state).toBe('Closed');
  });
});
