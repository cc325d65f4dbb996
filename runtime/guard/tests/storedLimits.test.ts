import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../../contract/generated/types.ts';
import { OK } from '../../resilience/outcome.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { content, limitOf } from '../../testing/guardFixture.ts';
import { MemoryLimitStore } from '../../testing/memoryLimitStore.ts';
import type { AskedCall } from '../admission.ts';
import { Guard } from '../guard.ts';
import type { Admission, Permit, Waiting } from '../permit.ts';

type Fleet = NonNullable<Limit['fleet']>;

function stored(parts: Partial<Limit> = {}, fleet: Partial<Fleet> = {}): Limit {
  return limitOf({
    key: { header: 'x-user' },
    capacity: 5,
    refill: { amount: 1, perMs: 1000 },
    fleet: { store: 'Redis', storeTimeoutMs: 250, withoutLeader: 'Deny', maxPods: 5, ...fleet },
    ...parts,
  });
}

/** Pods of one agent, with the store that they share. */
class Pods {
  readonly clock = new FakeClock();
  readonly store = new MemoryLimitStore(() => this.clock.now());
  readonly all: Guard[];

  constructor(limit: Limit, count = 1) {
    this.all = Array.from({ length: count }, () => {
      return new Guard({ clock: this.clock, store: this.store });
    });
    this.apply(limit);
  }

  apply(limit: Limit): void {
    for (const guard of this.all)
      guard.apply(content({ limits: [limit], bulkhead: { maxConcurrent: 1000 } }));
  }

  ask(user = 'ann', pod = 0, asked: AskedCall = {}): Admission | Waiting {
    const header = (name: string): string | undefined => (name === 'x-user' ? user : undefined);
    return this.all[pod]!.inbound.acquire({ header, ...asked });
  }

  async admit(user?: string, pod?: number, asked?: AskedCall): Promise<Permit | undefined> {
    const answer = this.ask(user, pod, asked);
    const admission = answer.kind === 'Waiting' ? await answer.admission : answer;
    return admission.kind === 'Permit' ? admission : undefined;
  }

  /** How many of so many calls one after the other are admitted. */
  async count(calls: number, user?: string, pod?: number): Promise<number> {
    let admitted = 0;
    for (let i = 0; i < calls; i += 1) if (await this.admit(user, pod)) admitted += 1;
    return admitted;
  }

  /** Has the store go, and one call find out. */
  async outage(): Promise<void> {
    this.store.up = false;
    void this.admit('somebody');
    await settled();
  }

  async back(): Promise<void> {
    this.store.up = true;
    this.clock.advance(1000);
    await settled();
  }
}

/** Answers of the store have come. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

const COSTLY: AskedCall = { cost: { inputTokens: 4, outputTokens: 0 } };

describe('a limit whose buckets are in a store', () => {
  it('admits as many calls of a key in all pods as one bucket would', async () => {
    const pods = new Pods(stored(), 3);
    const admitted = [
      await pods.count(4),
      await pods.count(4, 'ann', 1),
      await pods.count(4, 'ann', 2),
    ];
    expect(admitted).toEqual([4, 1, 0]);
    expect(await pods.count(9, 'bob', 2)).toBe(5);
    pods.clock.advance(2000);
    expect(await pods.count(4, 'ann', 1)).toBe(2);
  });

  it('asks the store for simultaneous calls in one batch, in their order', async () => {
    const pods = new Pods(stored());
    const calls = await Promise.all(Array.from({ length: 8 }, () => pods.admit()));
    expect(calls.map((each) => each !== undefined)).toEqual([
      ...[true, true, true, true, true],
      ...[false, false, false],
    ]);
    expect(pods.store.batches.map((batch) => batch.map(({ costs }) => costs.length))).toEqual([
      [8],
    ]);
  });

  it('does not ask the store again for a key that is known to have no tokens', async () => {
    const pods = new Pods(stored());
    await pods.count(50);
    expect(pods.store.batches).toHaveLength(5);
    const answer = pods.ask();
    expect(answer).toMatchObject({ kind: 'Rejection', rejection: { retryAfterMs: 1000 } });
  });

  it('makes a call wait for tokens up to maxWait with Queue', async () => {
    const pods = new Pods(stored({ onLimit: 'Queue', maxWaitMs: 1500 }));
    await pods.count(5);
    const [first, second] = [pods.admit(), pods.admit()];
    await settled();
    pods.clock.advance(1000);
    await settled();
    expect(await first).toBeDefined();
    pods.clock.advance(501);
    expect(await second).toBeUndefined();
  });

  it('lets no more than maxQueued calls wait once the store has answered them', async () => {
    const pods = new Pods(stored({ onLimit: 'Queue', maxWaitMs: 10_000 }));
    let refused = 0;
    for (let i = 0; i < 300; i += 1)
      void pods.admit().then((permit) => (refused += permit ? 0 : 1));
    await settled();
    expect(refused).toBe(195);
  });

  it('returns unused tokens, and charges additional usage', async () => {
    const pods = new Pods(stored({ resource: 'InputTokens' }), 2);
    const permit = await pods.admit('ann', 0, COSTLY);
    expect(await pods.admit('ann', 1, COSTLY)).toBeUndefined();
    permit!.settle(OK, { inputTokens: 1, outputTokens: 0 });
    await settled();
    pods.clock.advance(1000);
    const second = await pods.admit('ann', 1, COSTLY);
    second!.settle(OK, { inputTokens: 7, outputTokens: 0 });
    await settled();
    // 5 − 1 + 1 − 7.
    expect([...pods.store.buckets.values()].map(({ level }) => level)).toEqual([-2]);
  });

  it('returns the tokens of calls whose clients have left', async () => {
    const pods = new Pods(stored());
    const answer = pods.ask();
    await Promise.resolve();
    if (answer.kind === 'Waiting') answer.cancel();
    await settled();
    expect(pods.store.batches.flat().map(({ owed }) => owed)).toEqual([0, -1]);
    expect(pods.store.buckets.size).toBe(0);
  });

  it('keeps the buckets over a reload, cut to the new capacity', async () => {
    const pods = new Pods(stored({ capacity: 10 }));
    await pods.count(2);
    pods.apply(stored({ capacity: 3, policy: 'another' }));
    expect(await pods.count(9)).toBe(3);
    pods.apply(stored({ capacity: 100 }));
    expect(await pods.count(9)).toBe(0);
  });

  it('rejects and delays nothing in shadow mode, and counts', async () => {
    const pods = new Pods(stored({ mode: 'Shadow' }));
    const kinds: string[] = [];
    for (let i = 0; i < 8; i += 1) {
      kinds.push(pods.ask().kind);
      await settled();
    }
    expect(new Set(kinds)).toEqual(new Set(['Permit']));
    expect(pods.all[0]!.limits()[0]!.rejected).toBe(3);
  });

  it('bounds the memory and the requests for keys', async () => {
    const pods = new Pods(stored({ maxKeys: 100 }));
    for (let i = 0; i < 2000; i += 1) (await pods.admit(`user-${i}`))?.settle(OK);
    expect(pods.store.buckets.size).toBe(2000);
    expect(pods.all[0]!.stats().limits[0]!.keys).toBeLessThanOrEqual(100);
    const held = await Promise.all(Array.from({ length: 500 }, (_, i) => pods.admit(`new-${i}`)));
    expect(held.filter(Boolean).length).toBeGreaterThanOrEqual(100);
    expect(pods.all[0]!.stats().limits[0]!.keys).toBeLessThanOrEqual(100);
    expect(Math.max(...pods.store.batches.map((batch) => batch.length))).toBeLessThanOrEqual(200);
  });

  it('stores keys as hashes', async () => {
    const pods = new Pods(stored());
    await pods.admit('ann@example.com\n} {x');
    expect([...pods.store.buckets.keys()]).toEqual([
      expect.stringMatching(/^limit:inbound:requests:Requests:x-user:[-\w]{43}$/),
    ]);
  });
});

describe('while the store does not answer', () => {
  it('Deny rejects, Allow admits, and neither waits for it again', async () => {
    const pods = new Pods(stored());
    await pods.outage();
    expect(pods.ask().kind).toBe('Rejection');
    pods.apply(stored({}, { withoutLeader: 'Allow' }));
    expect(Array.from({ length: 50 }, () => pods.ask().kind)).not.toContain('Rejection');
    await pods.back();
    expect(await pods.count(9)).toBe(5);
  });

  it('SafeShare refills the share of each key from empty, and charges it afterwards', async () => {
    const pods = new Pods(
      stored({ capacity: 20, refill: { amount: 5, perMs: 1000 } }, { withoutLeader: 'SafeShare' }),
    );
    await pods.count(20);
    await pods.outage();
    expect(pods.ask().kind).toBe('Rejection');
    pods.clock.advance(999);
    expect(pods.ask().kind).toBe('Rejection');
    pods.clock.advance(1);
    await settled();
    expect([pods.ask().kind, pods.ask().kind]).toEqual(['Permit', 'Rejection']);
    expect(pods.ask('bob').kind).toBe('Permit');
    await pods.back();
    // Two seconds have refilled 10 tokens of the one, and the other was full.
    expect([...pods.store.buckets.values()].map(({ level }) => level)).toEqual([9, 19]);
  });

  it('a late answer does not count, and its tokens return', async () => {
    const pods = new Pods(stored());
    const { store } = pods;
    const late = Promise.withResolvers<void>();
    const run = store.run.bind(store);
    store.run = async (operations) => {
      const answer = await run(operations);
      await late.promise;
      return answer;
    };
    const asked = pods.admit();
    await settled();
    pods.clock.advance(250);
    expect(await asked).toBeUndefined();
    expect(pods.all[0]!.stats().store).toMatchObject({ up: false });
    late.resolve();
    store.run = run;
    await pods.back();
    expect(store.batches.flat().map(({ owed }) => owed)).toEqual([0, -1]);
  });

  it('serves calls that wait as soon as it answers again', async () => {
    const pods = new Pods(stored({ onLimit: 'Queue', maxWaitMs: 60_000 }));
    await pods.outage();
    const waiting = pods.admit();
    await pods.back();
    expect(await waiting).toBeDefined();
  });
});
