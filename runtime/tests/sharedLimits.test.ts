import { afterEach, describe, expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { limitOf } from '../testing/guardFixture.ts';
import { RealRedis } from '../testing/redis.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Fleet = NonNullable<Limit['fleet']>;

const HOUR_MS = 3_600_000;

function perUser(parts: Partial<Limit> = {}, fleet: Partial<Fleet> = {}): Limit {
  return limitOf({
    key: { header: 'x-user' },
    capacity: 20,
    refill: { amount: 1, perMs: HOUR_MS },
    fleet: { store: 'Redis', storeTimeoutMs: 500, withoutLeader: 'Deny', maxPods: 5, ...fleet },
    ...parts,
  });
}

interface Scene {
  redis: RealRedis;
  pods: StartedRuntime[];
  apply: (limit: Limit) => Promise<void>;
  /** Calls that each endpoint has got. */
  seen(): { primary: number; other: number };
  /** Statuses of so many requests of a client, to each pod in turn. */
  ask: (user: string, count: number) => Promise<number[]>;
}

/** Pods of one agent that share a real Redis. */
async function scene(limit: Limit, count = 2): Promise<Scene> {
  const redis = await RealRedis.start('sesame');
  cleanups.add(() => redis.stop());
  const seen = { primary: 0, other: 0 };
  const model = await fakeEndpoint((response, { url }) => {
    seen[url.startsWith('/other') ? 'other' : 'primary'] += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}');
  });
  cleanups.add(() => model.close());
  const password = { path: '', secret: 'redis', key: 'password' };
  let counter = 0;
  const whole = (each: Limit, path: string): ReturnType<typeof configuration> => {
    const settings = { url: redis.url, password: { ...password, path } };
    counter += 1;
    const endpoints = [
      { name: 'primary', provider: 'Anthropic', baseURL: model.url },
      { name: 'other', provider: 'Anthropic', baseURL: `${model.url}/other`, priority: 1 },
    ];
    const parts = { limits: [each], redis: settings, endpoints };
    return configuration(model.url, parts, { term: 1, counter });
  };
  const pods = await Promise.all(Array.from({ length: count }, () => startRuntime()));
  for (const pod of pods) cleanups.add(() => pod.stop());
  const apply = async (each: Limit): Promise<void> => {
    for (const pod of pods) {
      await pod.mount('redis-password', 'sesame');
      const next = whole(each, `${pod.directory}/redis-password`);
      await pod.mount('configuration.json', JSON.stringify(next));
      await until(() => pod.runtime.configuration.configuration?.hash === next.hash);
    }
  };
  await apply(limit);
  const ask = async (user: string, requests: number): Promise<number[]> => {
    const sent = Array.from({ length: requests }, (_, i) =>
      send(pods[i % pods.length]!.url, { headers: { 'x-user': user } }),
    );
    return (await Promise.all(sent)).map(({ status }: Answer) => status);
  };
  await until(async () => (await ask('warm', count)).every((status) => status === 200));
  return { redis, pods, apply, ask, seen: () => ({ ...seen }) };
}

const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((each) => each === status).length;

async function isUp({ pods }: Scene, up: boolean): Promise<void> {
  await until(() => pods.every(({ runtime }) => runtime.guard.stats().store?.up === up));
}

describe('a limit by key whose buckets are in Redis', () => {
  it('admits the same calls of each key as one bucket, in any pod, and keeps its state over reloads', async () => {
    const shared = await scene(perUser());
    const { redis, apply, ask } = shared;
    expect(count(await ask('ann', 30), 200)).toBe(20);
    expect(count(await ask('bob', 8), 200)).toBe(8);
    await apply(perUser({ capacity: 15, policy: 'renamed' }));
    expect(count(await ask('ann', 4), 200)).toBe(0);
    // 12 were left.
    expect(count(await ask('bob', 16), 200)).toBe(12);
    const hostile = ['{a}:*', "'; redis.call('FLUSHALL') --", '\u00e9'.repeat(2000), '%d%s $1 "'];
    for (const key of hostile) expect(count(await ask(key, 17), 200)).toBe(15);
    const keys = await redis.keys();
    expect(keys.filter((key) => key.includes('limit'))).toHaveLength(7);
    for (const key of keys) {
      expect(key).toMatch(
        /^breakwater:\{default\/triage\}:limit:inbound:requests:Requests:x-user:[-\w]{43}$/,
      );
    }
  });

  it('drops buckets when they are full again, for any number of keys', async () => {
    const shared = await scene(perUser({ refill: { amount: 20, perMs: 1000 }, maxKeys: 20 }));
    const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);
    for (let i = 0; i < users.length; i += 40) {
      const answers = await Promise.all(users.slice(i, i + 40).map((user) => shared.ask(user, 1)));
      expect(new Set(answers.flat())).toEqual(new Set([200]));
    }
    expect(shared.pods[0]!.runtime.guard.stats().limits[0]!.keys).toBeLessThanOrEqual(20);
    await until(async () => (await shared.redis.keys()).length === 0);
  });

  it('is decided by withoutLeader while Redis is gone or hangs, waits no longer than storeTimeout, and comes back', async () => {
    const shared = await scene(perUser());
    const { redis, pods, apply, ask } = shared;
    await redis.stop();
    expect(count(await ask('ann', 4), 429)).toBe(4);
    await isUp(shared, false);
    await apply(perUser({}, { withoutLeader: 'Allow' }));
    expect(count(await ask('ann', 22), 200)).toBe(22);
    const share = { withoutLeader: 'SafeShare' as const };
    await apply(perUser({ refill: { amount: 20, perMs: 5000 } }, share));
    // The share of each pod is four.
    await until(async () => count(await ask('ann', 1), 200) === 1);
    expect(count(await ask('ann', 20), 429)).toBeGreaterThan(0);
    await redis.resume();
    await isUp(shared, true);
    await apply(perUser());
    expect(count(await ask('eve', 22), 200)).toBe(20);
    const page = await send(pods[0]!.metricsUrl, { method: 'GET', path: '/metrics' });
    expect(page.body.toString()).toContain('rate_limiter_store_up 1');
    redis.pause();
    const began = performance.now();
    expect(count(await ask('eve', 2), 429)).toBe(2);
    expect(count(await ask('eli', 2), 429)).toBe(2);
    expect(performance.now() - began).toBeLessThan(5000);
    redis.unpause();
    await isUp(shared, true);
    expect(count(await ask('eli', 2), 200)).toBe(2);
  });
});

it('refills the safe share while Redis answers and refuses to write', async () => {
  // The share of a pod is one request in 1.25 s: longer than the time after which Redis is asked again.
  const refill = { amount: 20, perMs: 5000 };
  const shared = await scene(perUser({ refill }, { withoutLeader: 'SafeShare' }), 1);
  await shared.redis.command('CONFIG', 'SET', 'maxmemory', '1');
  await until(async () => count(await shared.ask('ann', 1), 429) === 1);
  await until(async () => count(await shared.ask('ann', 1), 200) === 1);
  expect(shared.pods[0]!.runtime.guard.stats().store).toMatchObject({ up: false });
  expect(shared.pods[0]!.logs.join()).toContain('"reason":"Redis does not answer (OOM)"');
  await shared.redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await isUp(shared, true);
});

it('keeps calls of an endpoint there until its limit in Redis is used up, and then moves them', async () => {
  const shared = await scene(perUser({ target: 'model/primary', capacity: 3 }), 1);
  const users = ['ann', 'ann', 'ann', 'ann', 'ann'];
  const before = shared.seen();
  for (const user of users) expect(await shared.ask(user, 1)).toEqual([200]);
  const { primary, other } = shared.seen();
  expect([primary - before.primary, other - before.other]).toEqual([3, 2]);
});
