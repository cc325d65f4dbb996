import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { content, limitOf } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import type { AskedCall, Remaining } from '../admission.ts';
import type { Limit } from '../../../contract/generated/types.ts';

const PRIMARY = 'model/primary';
const MOUNTED = { hash: 'm', mounted: true };

class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });

  constructor(limits: Limit[] = []) {
    this.guard.apply(content({ limits }));
    this.guard.useCredential(PRIMARY, MOUNTED.hash);
  }

  /** granted, or the time to wait. */
  ask(inputTokens = 1, asked: AskedCall = { credential: MOUNTED }): string | number {
    const cost = { inputTokens, outputTokens: 9999 };
    const answer = this.guard.dependency(PRIMARY)!.acquire({ ...asked, cost });
    if (answer.kind === 'Rejection') {
      expect(answer.rejection).toMatchObject({ reason: 'RateLimited', target: PRIMARY });
      return answer.rejection.retryAfterMs;
    }
    if (answer.kind === 'Permit') answer.settle(OK);
    return 'granted';
  }

  told(...told: Remaining[]): void {
    this.guard.dependency(PRIMARY)!.learn(told, MOUNTED.hash);
  }
}

describe('limits that the provider states', () => {
  it('apply without a policy: no more calls than are left until more come back', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 2, limit: 62, resetMs: 60_000 });
    expect([bench.ask(), bench.ask(), bench.ask()]).toEqual(['granted', 'granted', 1000]);
    bench.clock.advance(1000);
    expect([bench.ask(), bench.ask()]).toEqual(['granted', 1000]);
    expect(bench.guard.circuits()).toMatchObject([{ state: 'Closed' }]);
  });

  it('end at the same time, whenever that is read', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, limit: 7, resetMs: 60_001 });
    const ends = Array.from({ length: 50 }, () => {
      bench.clock.advance(37);
      return bench.guard.gates()[0]!.until;
    });
    expect(new Set(ends)).toEqual(new Set(['2026-01-01T00:00:08.572Z']));
  });

  it('hold back all calls until the reset if the provider does not state the capacity', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, resetMs: 240_000 });
    expect(bench.ask()).toBe(240_000);
    expect(bench.guard.gates()).toEqual([
      { dependency: PRIMARY, gate: 'RateLimited', until: '2026-01-01T00:04:00.000Z' },
    ]);
    expect(bench.clock.pending()).toBe(0);
    bench.clock.advance(240_000);
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    expect([bench.ask(), bench.ask()]).toEqual(['granted', 'granted']);
  });

  it('that reset in the year 9999 hold for retry.maxProviderWait, 5 minutes here', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, limit: 1, resetMs: 31_622_400_000 });
    expect(bench.ask()).toBe(300_000);
    expect(bench.guard.gates()).toEqual([
      { dependency: PRIMARY, gate: 'RateLimited', until: '2026-01-01T00:05:00.000Z' },
    ]);
    bench.clock.advance(300_000);
    expect([bench.ask(), bench.guard.providerLimits()]).toEqual(['granted', []]);
  });

  it('on tokens count the estimated input of a call', () => {
    const bench = new Bench();
    bench.told({ resource: 'InputTokens', remaining: 5500, limit: 65_500, resetMs: 60_000 });
    expect([bench.ask(4000), bench.ask(4000), bench.ask(1500)]).toEqual([
      'granted',
      2500,
      'granted',
    ]);
    bench.told({ resource: 'InputTokens', remaining: 500, limit: 10_500, resetMs: 10_000 });
    expect([bench.ask(1), bench.ask(1e9)]).toEqual([500, 10_000]);
  });

  it('on output reject calls only when almost nothing is left', () => {
    const bench = new Bench();
    bench.told({ resource: 'OutputTokens', remaining: 1500, limit: 8000, resetMs: 60_000 });
    expect(bench.ask()).toBe('granted');
    bench.told({ resource: 'OutputTokens', remaining: 500, limit: 8000, resetMs: 60_000 });
    expect(bench.ask()).toBe(4000);
  });

  it('are those of the last answer, and are reported', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, limit: 10, resetMs: 60_000 });
    expect(bench.guard.providerLimits()).toEqual([
      {
        dependency: PRIMARY,
        resource: 'Requests',
        remaining: 0,
        limit: 10,
        reset: '2026-01-01T00:01:00.000Z',
      },
    ]);
    bench.told({ resource: 'Requests', remaining: 9, limit: 10, resetMs: 6000 });
    expect(bench.ask()).toBe('granted');
    bench.told({ resource: 'Requests', remaining: 0 });
    expect([bench.ask(), bench.guard.providerLimits()]).toEqual(['granted', []]);
  });

  it('are those of the mounted credential, for calls with it', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, resetMs: 60_000 });
    expect(bench.ask(1, { credential: { hash: 'a', mounted: false } })).toBe('granted');
    bench.guard
      .dependency(PRIMARY)!
      .learn([{ resource: 'Requests', remaining: 5, resetMs: 9 }], 'another');
    expect(bench.ask()).toBe(60_000);
    expect(bench.ask(1, { credential: { hash: 'rotated', mounted: true } })).toBe('granted');
  });

  it('survive a reload', () => {
    const bench = new Bench();
    bench.told({ resource: 'Requests', remaining: 0, resetMs: 60_000 });
    bench.guard.apply(content({ limits: [limitOf({ target: PRIMARY })] }));
    expect(bench.ask()).toBe(60_000);
  });

  it('do not change the level or the capacity of a policy’s bucket', () => {
    const resource = 'InputTokens' as const;
    const capacity = 9_900_000;
    const refill = { amount: capacity, perMs: 86_400_000 };
    const bench = new Bench([limitOf({ target: PRIMARY, resource, capacity, refill })]);
    const tokens = (): number => bench.guard.stats().limits[0]!.tokens;
    bench.told({ resource, remaining: 350_000, limit: 400_000, resetMs: 60_000 });
    expect(tokens()).toBe(capacity);
    expect(bench.ask(350_001)).toBeGreaterThan(0);
    bench.clock.advance(60_000);
    expect(tokens()).toBe(capacity);
    expect(bench.ask(1_000_000)).toBe('granted');
  });
});
