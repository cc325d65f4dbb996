import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import type { Credentials } from '../provider/credentials.ts';
import type { Grant } from './exchange.ts';
import { Identity } from './identity.ts';
import type { Refresh } from './identity.ts';
import { IdentityProblem } from './problem.ts';

const HOUR = 3_600_000;

/** A cloud whose answers the test gives. */
class Cloud {
  readonly clock = new FakeClock();
  readonly ends: Refresh[] = [];
  readonly signals: AbortSignal[] = [];
  /** Exchanges that run at present. */
  running = 0;
  asked = 0;
  random = 0;
  #settle: ((grant: Grant | Error) => void) | undefined;

  identity(): Identity {
    return new Identity({
      clock: this.clock,
      random: () => this.random,
      onRefresh: (end) => this.ends.push(end),
      exchange: (signal) => {
        this.asked += 1;
        this.running += 1;
        this.signals.push(signal);
        return new Promise<Grant>((resolve, reject) => {
          signal.addEventListener('abort', () => this.#settle?.(signal.reason as Error));
          this.#settle = (answer) => {
            this.running -= 1;
            this.#settle = undefined;
            if (answer instanceof Error) reject(answer);
            else resolve(answer);
          };
        });
      },
    });
  }

  /** Grants the token of this name. */
  async grant(token: string, lifetimeMs = HOUR): Promise<void> {
    this.#settle!({ credentials: { kind: 'bearer', token }, lifetimeMs, aheadMs: 0 });
    await settled();
  }

  refuse(problem = 'no'): Promise<void> {
    return this.fail(new IdentityProblem(problem));
  }

  async fail(error: Error): Promise<void> {
    this.#settle!(error);
    await settled();
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

/** Lets promises that are due settle. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const token = (name: string): Credentials => ({ kind: 'bearer', token: name });

describe('an identity', () => {
  it('begins its first exchange at once, and calls wait for it', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    expect([cloud.asked, identity.credentials]).toEqual([1, undefined]);
    const { awaited } = identity;
    expect(awaited).toBeDefined();
    await cloud.grant('first');
    await awaited;
    expect(identity.credentials).toEqual(token('first'));
    expect([identity.problem, identity.awaited]).toEqual([undefined, undefined]);
  });

  it.each([
    [0, 0.8],
    [0.999, 0.7001],
  ])('with the random number %d refreshes at %d of the lifetime', async (random, share) => {
    const cloud = new Cloud();
    cloud.random = random;
    const identity = cloud.identity();
    await cloud.grant('first');
    await cloud.advance(HOUR * share - 1000);
    expect(cloud.asked).toBe(1);
    await cloud.advance(2000);
    expect(cloud.asked).toBe(2);
    expect([identity.credentials, identity.awaited]).toEqual([token('first'), undefined]);
    await cloud.grant('second');
    expect(identity.credentials).toEqual(token('second'));
  });

  it('keeps valid credentials while refreshes fail, and has none after their end', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.grant('first');
    await cloud.advance(HOUR * 0.8);
    await cloud.refuse('the role is gone');
    expect(identity.credentials).toEqual(token('first'));
    expect(identity.problem).toBe('the role is gone');
    await cloud.advance(HOUR * 0.2 - 5001);
    expect(identity.credentials).toEqual(token('first'));
    await cloud.advance(1);
    expect(identity.credentials).toBeUndefined();
    await cloud.advance(5000);
    await cloud.grant('second');
    expect([identity.credentials, identity.problem]).toEqual([token('second'), undefined]);
  });

  it('asks again after 1 s, then after twice as long each time, up to a minute', async () => {
    const cloud = new Cloud();
    cloud.identity();
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await cloud.refuse();
      const { asked } = cloud;
      await cloud.advance(seconds * 1000 - 1);
      expect(cloud.asked).toBe(asked);
      await cloud.advance(1);
      expect(cloud.asked).toBe(asked + 1);
    }
    await cloud.grant('first');
    await cloud.advance(HOUR * 0.8);
    await cloud.refuse();
    await cloud.advance(1000);
    expect(cloud.running).toBe(1);
  });

  it('gives up an exchange after 10 s', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.advance(10_000);
    expect(cloud.ends).toMatchObject([{ result: 'Failed' }]);
    expect(identity.problem).toMatch(/longer than 10 s/);
    await cloud.advance(1000);
    expect(cloud.asked).toBe(2);
  });

  it('says nothing of an error that is not for people', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.fail(new TypeError('role/models is undefined'));
    expect(identity.problem).toMatch(/does not know/);
  });

  it('takes credentials that have already expired for a failure', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.grant('old', 1000);
    expect(identity.credentials).toBeUndefined();
    expect(identity.problem).toMatch(/clock of the node/);
  });

  it('closes for good', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    identity.close();
    await settled();
    await cloud.advance(HOUR);
    expect([cloud.asked, cloud.ends]).toEqual([1, []]);
  });
});

describe('refused credentials', () => {
  it('are refreshed once, whoever reports them', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.grant('first');
    const first = identity.credentials!;
    expect([identity.refused(first), identity.refused(first)]).toEqual([true, true]);
    expect([cloud.asked, cloud.running]).toEqual([2, 1]);
    expect(identity.awaited).toBeDefined();
    await cloud.grant('second');
    expect(identity.refused(first)).toBe(true);
    expect(cloud.asked).toBe(2);
    // New ones that are refused too shut the gate.
    expect(identity.refused(identity.credentials!)).toBe(false);
    expect(cloud.asked).toBe(2);
  });

  it('begin no refresh beside one that runs', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.grant('first');
    await cloud.advance(HOUR * 0.8);
    expect(identity.refused(identity.credentials!)).toBe(true);
    expect([cloud.asked, cloud.running]).toEqual([2, 1]);
    expect(identity.awaited).toBeDefined();
  });

  it('shut the gate when their refresh fails, until a minute has passed', async () => {
    const cloud = new Cloud();
    const identity = cloud.identity();
    await cloud.grant('first');
    const first = identity.credentials!;
    identity.refused(first);
    await cloud.refuse();
    expect(identity.refused(first)).toBe(false);
    await cloud.advance(1000);
    await cloud.grant('second');
    await cloud.advance(60_000);
    expect(identity.refused(identity.credentials!)).toBe(true);
    expect(cloud.running).toBe(1);
  });
});
