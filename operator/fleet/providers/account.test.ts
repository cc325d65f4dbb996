import { describe, expect, it } from '@jest/globals';
import type { ProviderLimitUse } from '../../../contract/generated/types.ts';
import { Account, type AccountPod, type Share } from './account.ts';
import { partsOf } from './shares.ts';

const MAX_PODS = 10;
/** 40 of 100 are left, and the others come back within a minute: one a second. */
const STATED = { limit: 100, remaining: 40, resetMs: 60_000, ageMs: 0, sinceMs: 0, before: 0 };

class Bench {
  readonly account = new Account('Requests');
  now = 1_000_000;
  #asked = new Map<string, number>();
  #taken = new Map<string, number>();

  constructor(pods: AccountPod[]) {
    this.pods(pods);
  }

  pods(pods: AccountPod[]): void {
    this.account.setPods(pods, MAX_PODS, this.now);
  }

  reports(
    uid: string,
    {
      asks = 0,
      takes = 0,
      ...rest
    }: Partial<ProviderLimitUse> & { asks?: number; takes?: number } = {},
  ): void {
    const asked = (this.#asked.get(uid) ?? 0) + asks;
    const taken = (this.#taken.get(uid) ?? 0) + takes;
    this.#asked.set(uid, asked);
    this.#taken.set(uid, taken);
    const which = { dependency: 'model/primary', account: 'key', resource: 'Requests' };
    const use = { ...which, count: 1, taken, asked, need: 0, held: 0, ...rest };
    this.account.report(uid, use, this.now);
  }

  divided(): Record<string, Share> {
    return Object.fromEntries(this.account.divide(this.now));
  }
}

const pod = (uid: string, linked = true, boot = '1'): AccountPod => ({ uid, boot, linked });
const total = (shares: Record<string, Share>): number =>
  Object.values(shares).reduce((sum, { amount }) => sum + amount, 0);

describe('shares by demand', () => {
  it('meet the smallest demands in full and divide the rest equally', () => {
    const parts = partsOf([1, 50, 50], 21);
    expect(parts.map((part) => Number(part.toFixed(3)))).toEqual([0.076, 0.462, 0.462]);
  });

  it('are equal without demand, and leave no pod without a share', () => {
    expect(partsOf([0, 0], 5)).toEqual([0.5, 0.5]);
    expect(partsOf([0, 5], 5)[0]).toBeCloseTo(0.05);
  });
});

describe('the leader’s account of a limit', () => {
  it('grants no more than is left and comes back', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { stated: STATED });
    const shares = bench.divided();
    expect(total(shares)).toBeLessThanOrEqual(40);
    expect(total(shares)).toBeGreaterThan(30);
    expect(shares['a']!.perMs + shares['b']!.perMs).toBeCloseTo(0.001);
    // A pod that has not reported is told what it may take from now on.
    expect(shares['b']).not.toHaveProperty('taken');
    // What is given is not given again.
    bench.reports('b', { need: 30 });
    expect(bench.account.topUp('b', bench.now)!.amount).toBeLessThan(30);
  });

  it('subtracts what pods have taken since the call that the statement answers', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a');
    bench.reports('b', { takes: 5 });
    bench.now += 2000;
    bench.reports('b', { takes: 7 });
    const left = { ...STATED, sinceMs: 1000, before: -3 };
    bench.reports('a', { stated: left });
    expect(bench.account.levelOf(bench.now)).toMatchObject({ limit: 100, remaining: 40 - 7 - 3 });
    bench.now += 10_000;
    expect(bench.account.levelOf(bench.now)).toMatchObject({ remaining: 40, ageMs: 10_000 });
  });

  it('keeps to the newest statement', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { stated: STATED });
    bench.reports('b', { stated: { ...STATED, remaining: 90, resetMs: 10_000, ageMs: 500 } });
    expect(bench.account.levelOf(bench.now)).toMatchObject({ remaining: 40 });
    expect(bench.account.isScarce(bench.now)).toBe(true);
    bench.now += 1;
    bench.reports('b', { stated: { ...STATED, remaining: 90, resetMs: 10_000 } });
    expect(bench.account.isScarce(bench.now)).toBe(false);
  });

  it('gives a pod with more demand a larger share', () => {
    const bench = new Bench([pod('a'), pod('b'), pod('c')]);
    for (const uid of ['a', 'b', 'c']) bench.reports(uid);
    bench.now += 5000;
    bench.reports('a', { asks: 500, stated: STATED });
    bench.reports('b', { asks: 1 });
    bench.reports('c');
    const { a, b, c } = bench.divided();
    expect(a!.amount).toBeGreaterThan(3 * b!.amount);
    expect(b!.amount).toBeGreaterThan(c!.amount);
    // Each has a call.
    expect(c!.amount).toBeGreaterThanOrEqual(1);
  });

  it('saves tokens for a call that needs more than its pod’s share', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { stated: { ...STATED, remaining: 0, resetMs: 100_000 } });
    bench.reports('b', { asks: 5, need: 5 });
    let shares = bench.divided();
    let seconds = 0;
    for (; shares['b']!.amount < 5 && seconds < 60; seconds += 1) {
      bench.now += 1000;
      // It takes all that it may.
      bench.reports('a', { asks: 50, takes: shares['a']!.amount + 1000 * shares['a']!.perMs });
      bench.reports('b');
      shares = bench.divided();
    }
    expect(seconds).toBeLessThan(20);
  });

  it('leaves the safe share of a pod without a link alone', () => {
    const bench = new Bench([pod('a'), pod('b', false)]);
    bench.reports('a', { stated: STATED });
    const { a } = bench.divided();
    expect(a!.perMs).toBeCloseTo(0.001 * (1 - 1 / MAX_PODS));
    expect(a!.amount).toBeLessThanOrEqual(40 * (1 - 1 / MAX_PODS));
    expect(bench.divided()).not.toHaveProperty('b');
  });

  it('counts the share of a pod that loses its link until it ends', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { stated: STATED });
    const before = bench.divided();
    bench.pods([pod('a'), pod('b', false)]);
    expect(bench.divided()['a']!.amount).toBeLessThanOrEqual(40 - before['b']!.amount);
    bench.now += 3000;
    bench.pods([pod('a'), pod('b', false)]);
    expect(bench.divided()['a']!.amount).toBeGreaterThan(0.7 * 43 * 0.9);
  });

  it('remembers what a pod took that is gone or has restarted', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { stated: STATED });
    bench.reports('b');
    bench.reports('b', { takes: 10 });
    bench.pods([pod('a'), pod('b', true, '2')]);
    expect(bench.account.levelOf(bench.now)).toMatchObject({ remaining: 30 });
    bench.now += 3000;
    bench.pods([pod('a')]);
    expect(bench.account.levelOf(bench.now)).toMatchObject({ remaining: 33 });
  });

  it('counts the part of another leader’s share that a pod still holds', () => {
    const bench = new Bench([pod('a'), pod('b')]);
    bench.reports('a', { held: 15, stated: STATED });
    bench.reports('b', { need: 40 });
    expect(bench.account.topUp('b', bench.now)!.amount).toBeLessThanOrEqual(25);
  });
});
