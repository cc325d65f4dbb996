import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient } from '@redis/client';
import { pino } from 'pino';
import fc from '../../test/property.ts';
import type { StoreOperation } from '../guard/limitStore.ts';
import { content } from '../testing/guardFixture.ts';
import { MemoryLimitStore } from '../testing/memoryLimitStore.ts';
import { RealRedis } from '../testing/redis.ts';
import { RedisLimits } from './redisLimits.ts';

let redis: RealRedis;
let limits: RedisLimits;

function limitsOf(url?: string): RedisLimits {
  return new RedisLimits({
    current: { content: content(url === undefined ? {} : { redis: { url } }) },
    credentials: { read: () => undefined },
    network: { settings: {} as never },
    connectMs: () => 5000,
    log: pino({ level: 'silent' }),
  });
}

beforeAll(async () => {
  redis = await RealRedis.start();
  limits = limitsOf(redis.url);
});

afterAll(async () => {
  await limits.close();
  await redis.stop();
});

/** So slow that nothing comes in the time of a test. */
const SLOW = { amount: 1, perMs: 1e15 };

const operation: fc.Arbitrary<StoreOperation> = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  figures: fc.integer({ min: 1, max: 12 }).map((capacity) => ({ ...SLOW, capacity })),
  owed: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -9, max: 9 })),
  costs: fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 4 }),
});

it('the script in Redis does the same as the algorithm in memory', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 12 }),
      async (batches) => {
        runs += 1;
        const memory = new MemoryLimitStore(() => 0);
        for (const batch of batches) {
          const named = batch.map((each) => ({ ...each, id: `${runs}/${each.id}` }));
          const [seen, expected] = [await limits.run(named), await memory.run(named)];
          const rounded = seen.map(({ granted, level }) => ({
            granted,
            level: Math.round(level * 1e6) / 1e6,
          }));
          expect(rounded).toEqual(expected);
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('a new process continues the buckets of the one before', async () => {
  const ask = { id: 'kept', figures: { ...SLOW, capacity: 3 }, owed: 0, costs: [1] };
  const before = limitsOf(redis.url);
  await before.run([ask]);
  await before.close();
  expect((await limits.run([ask])).map(({ level }) => Math.round(level))).toEqual([1]);
});

it('the script accepts the largest figures of a policy', async () => {
  const figures = { amount: 1, perMs: 4 * 99_999 * 3_600_000, capacity: 1e9 };
  const costs = [1e9, 1];
  const [answer] = await limits.run([{ id: 'large', figures, owed: 0.5, costs }]);
  expect(answer).toEqual({ granted: 0, level: 1e9 - 0.5 });
});

it('a Redis that has forgotten the script gets it again', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  await client.scriptFlush();
  const ask = { id: 'flushed', figures: { ...SLOW, capacity: 5 }, owed: 0, costs: [1] };
  expect((await limits.run([ask])).map(({ granted }) => granted)).toEqual([1]);
  // By the clock of Redis: a level from the future refills nothing, and counts from now on.
  const [key = ''] = await client.keys('*flushed');
  await client.set(key, '2 9999999999999');
  expect((await limits.run([ask])).map(({ level }) => level)).toEqual([1]);
  expect(await client.pTTL(key)).toBeGreaterThan(0);
  client.destroy();
});

it('a Redis that answers and may not write fails the check', async () => {
  await expect(limits.run([])).resolves.toEqual([]);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  await expect(limits.run([])).rejects.toThrow('OOM');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await redis.command('REPLICAOF', '127.0.0.1', '1');
  await expect(limits.run([])).rejects.toThrow('READONLY');
  await redis.command('REPLICAOF', 'NO', 'ONE');
  await expect(limits.run([])).resolves.toEqual([]);
});

it('a limit without a Redis fails with the reason', async () => {
  const none = limitsOf();
  await expect(none.run([])).rejects.toThrow('the agent has none');
  await none.close();
});
