import { describe, expect, it } from '@jest/globals';
import type { ProviderLimitShare, ProviderUse } from '../../../contract/generated/types.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { content } from '../../testing/guardFixture.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import { REFUND, type ActualCost, type Remaining } from '../admission.ts';
import { Guard } from '../guard.ts';
import type { Permit } from '../permit.ts';

const PRIMARY = 'model/primary';
const KEY = { hash: 'm'.repeat(64), mounted: true };
const ACCOUNT = 'm'.repeat(16);
/** 30 of 100 requests are left, and the others come back within 70 s: one a second. */
const SCARCE: Remaining = { resource: 'Requests', remaining: 30, limit: 100, resetMs: 70_000 };

class Bench {
  readonly clock = new FakeClock();
  readonly told: ProviderUse[] = [];
  readonly guard = new Guard({
    clock: this.clock,
    leader: { send: (report) => void this.told.push(report as ProviderUse) },
  });

  constructor(maxPods = 10) {
    this.guard.apply(content({ providerLimits: { maxPods } }));
    this.guard.useCredential(PRIMARY, KEY.hash);
  }

  ask(inputTokens = 1): Permit | number {
    const cost = { inputTokens, outputTokens: 0 };
    const answer = this.guard.dependency(PRIMARY)!.acquire({ credential: KEY, cost });
    if (answer.kind === 'Permit') return answer;
    if (answer.kind === 'Waiting') throw new Error('no call waits for a provider');
    return answer.rejection.retryAfterMs;
  }

  /** How many of so many calls are admitted. */
  admitted(count: number, actual?: ActualCost): number {
    const permits = Array.from({ length: count }, () => this.ask());
    return permits.filter((each) => {
      if (typeof each !== 'number') each.settle(OK, actual);
      return typeof each !== 'number';
    }).length;
  }

  hears(...stated: Remaining[]): void {
    this.guard.dependency(PRIMARY)!.learn(stated, KEY.hash);
  }

  /** The answer to a heartbeat of the leader. */
  gives(share: Partial<ProviderLimitShare> = {}, gates = {}): ProviderUse {
    const limit: ProviderLimitShare = {
      ...{ dependency: PRIMARY, account: ACCOUNT, resource: 'Requests', limit: 100 },
      ...{ remaining: 30, resetMs: 70_000, ageMs: 0, amount: 12, perMs: 0.0005 },
      lifetimeMs: 3000,
      ...share,
    };
    return this.guard.providers.apply({
      ...{ type: 'ProviderShares', term: 1, answer: true, limits: [limit], gates: [] },
      ...gates,
    })!;
  }
}

describe('a limit of the provider that pods share', () => {
  it('belongs whole to the only pod, which reports nothing', () => {
    const bench = new Bench(1);
    bench.hears(SCARCE);
    expect(bench.admitted(40)).toBe(30);
    bench.clock.advance(10_000);
    expect(bench.told).toEqual([]);
  });

  it('is not divided or reported while half of it is left', () => {
    const bench = new Bench();
    bench.hears({ ...SCARCE, remaining: 50 });
    expect(bench.admitted(1)).toBe(1);
    bench.hears({ ...SCARCE, remaining: 90 });
    expect(bench.admitted(40)).toBe(40);
    bench.clock.advance(10_000);
    expect(bench.told).toEqual([]);
    expect(bench.guard.providerLimits()[0]).not.toHaveProperty('share');
  });

  it('is bounded by the safe share without a leader, which another statement does not refill', () => {
    const bench = new Bench();
    bench.hears(SCARCE);
    expect(bench.admitted(10)).toBe(3);
    bench.hears(SCARCE);
    expect(bench.admitted(10)).toBe(0);
    bench.clock.advance(10_000);
    expect(bench.admitted(10)).toBe(1);
    expect(bench.guard.providerLimits()).toMatchObject([{ share: 0, led: false }]);
  });

  it('is reported soon when little is left, and each second without an answer', () => {
    const bench = new Bench();
    bench.admitted(2);
    bench.clock.advance(500);
    bench.hears(SCARCE);
    bench.clock.advance(20);
    expect(bench.told).toEqual([
      {
        type: 'ProviderUse',
        gates: [],
        limits: [
          {
            ...{
              dependency: PRIMARY,
              account: ACCOUNT,
              resource: 'Requests',
              count: expect.any(Number),
            },
            ...{ taken: 0, asked: 0, need: 0, held: 3.002 },
            stated: {
              ...{ limit: 100, remaining: 30, resetMs: 70_000, ageMs: 20, sinceMs: 20, before: 0 },
            },
          },
        ],
      },
    ]);
    for (let second = 0; second < 5; second += 1) {
      bench.admitted(10);
      bench.clock.advance(1000);
    }
    expect(bench.told.length).toBeGreaterThan(4);
    expect(bench.told.length).toBeLessThanOrEqual(6);
    expect(bench.told.at(-1)!.limits[0]).toMatchObject({ need: 1, asked: 50 });
  });

  it('is bounded by the leader’s share, and falls back to the safe share when that ends', () => {
    const bench = new Bench();
    bench.hears(SCARCE);
    const { limits } = bench.gives();
    const { count, taken } = limits[0]!;
    expect(bench.admitted(20)).toBe(12);
    expect(bench.guard.providerLimits()).toMatchObject([{ share: 0, led: true }]);
    expect(bench.ask()).toBe(1000);
    // What was taken since the report that it answers counts against it.
    expect(bench.gives({ count: count, taken: taken, amount: 20 })).toMatchObject({
      limits: [{ taken: 12, need: 1 }],
    });
    expect(bench.admitted(20)).toBe(8);
    bench.clock.advance(2000);
    expect(bench.admitted(20)).toBe(1);
    bench.gives({ count: count, taken: 21, amount: 1000, remaining: 40, ageMs: 0 });
    bench.clock.advance(3000);
    expect(bench.guard.providerLimits()).toMatchObject([{ led: false }]);
    expect(bench.admitted(20)).toBe(4);
  });

  it('gets unused tokens back', () => {
    const bench = new Bench();
    bench.hears({ ...SCARCE, resource: 'InputTokens', limit: 1e6, remaining: 300_000 });
    bench.gives({
      resource: 'InputTokens',
      limit: 1e6,
      remaining: 300_000,
      amount: 10_000,
      perMs: 0,
    });
    const first = bench.ask(10_000) as Permit;
    expect(bench.ask(1000)).toBe(1000);
    first.settle(OK, { inputTokens: 4000, outputTokens: 1 });
    const second = bench.ask(6000) as Permit;
    second.settle(IGNORED, REFUND);
    expect(typeof bench.ask(6000)).toBe('object');
    expect(bench.ask(1000)).toBe(1000);
  });

  it('is not affected by shares of other counts, dependencies, credentials and models', () => {
    const bench = new Bench();
    bench.hears(SCARCE);
    const { count } = bench.gives({ amount: 2 }).limits[0]!;
    bench.gives({ count: count + 1, taken: 0, amount: 50 });
    bench.gives({ dependency: 'model/other', amount: 50 });
    bench.gives({ account: 'other', amount: 50 });
    bench.gives({ model: 'opus', amount: 50 });
    bench.gives({ resource: 'Images', amount: 50 });
    expect(bench.admitted(20)).toBe(2);
  });

  it('is known to a pod that has made no call', () => {
    const bench = new Bench();
    bench.gives({ amount: 4, remaining: 20 });
    expect(bench.admitted(20)).toBe(4);
    expect(bench.guard.providerLimits()).toMatchObject([{ remaining: 16, limit: 100, led: true }]);
  });

  it('keeps its state when a configuration with another number of pods is put in force', () => {
    const bench = new Bench();
    bench.hears(SCARCE);
    expect(bench.admitted(2)).toBe(2);
    bench.guard.apply(content({ providerLimits: { maxPods: 5 } }));
    expect(bench.admitted(10)).toBe(1);
    // As many parts come back from the next statement on.
    bench.hears(SCARCE);
    bench.clock.advance(5000);
    expect(bench.admitted(10)).toBe(1);
  });
});

describe('a provider that refuses the rate', () => {
  it('is reported at once by the refused pod', () => {
    const bench = new Bench();
    const permit = bench.ask() as Permit;
    permit.refused('RateLimited', 8000);
    permit.settle(IGNORED, REFUND);
    bench.clock.advance(20);
    expect(bench.told).toMatchObject([
      { limits: [], gates: [{ dependency: PRIMARY, account: ACCOUNT, forMs: 7980 }] },
    ]);
  });

  it('is not called before the time that it has named to another pod', () => {
    const bench = new Bench();
    const hint = { dependency: PRIMARY, account: ACCOUNT, forMs: 8000 };
    bench.guard.providers.apply({ type: 'ProviderShares', term: 1, limits: [], gates: [hint] });
    expect(bench.ask()).toBe(8000);
    expect(bench.guard.gates()).toMatchObject([{ gate: 'RateLimited' }]);
    // What it was told by others it does not tell.
    bench.clock.advance(2000);
    expect(bench.told).toEqual([]);
    bench.clock.advance(6000);
    expect(bench.admitted(5)).toBe(5);
  });

  it('is called again after retry.maxProviderWait, however long it asked another pod to wait', () => {
    const bench = new Bench();
    const hint = { dependency: PRIMARY, account: ACCOUNT, forMs: 1e12 };
    bench.guard.providers.apply({ type: 'ProviderShares', term: 1, limits: [], gates: [hint] });
    expect(bench.ask()).toBe(300_000);
  });
});
