/**
 * Sends requests one at a time to runtimes on this computer, which take turns: one without limits, one with a limit of
 * scope Pod, one with a limit of the fleet and its leader over a real link, and again the one without limits, after a
 * script has asked a bucket in a real Redis.
 *
 * fleet_added_p50: median latency under the limit of the fleet, less the one without limits.
 * pod_added_p50: the same with scope Pod.
 * redis_added_p50: the same with a request to Redis for each request.
 */
import { createClient } from '@redis/client';
import { Registry } from 'prom-client';
import type { Limit } from '../../../contract/generated/types.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { Links } from '../../../operator/links/links.ts';
import { ledFleet } from '../../../operator/testing/ledFleet.ts';
import { linkedRuntimes } from '../../../operator/testing/linkedRuntimes.ts';
import { MemoryLogger } from '../../../operator/testing/linksHarness.ts';
import { AGENT, review } from '../../../operator/testing/messages.ts';
import { configuration } from '../../../runtime/testing/configuration.ts';
import { limitOf } from '../../../runtime/testing/guardFixture.ts';
import { RealRedis } from '../../../runtime/testing/redis.ts';
import { startRuntime } from '../../../runtime/testing/runtime.ts';
import { until } from '../../../runtime/testing/until.ts';
import { answerJson, fakeEndpoint, MESSAGE } from '../../../runtime/testing/upstream.ts';
import { MessagesClient } from '../../kit/messages.ts';
import { percentile } from '../../kit/percentile.ts';

const ROUNDS = 4000;
/** Requests that only warm up the code. */
const WARM_UP = 1000;
const RATE = 100_000;
const LIMIT = limitOf({ refill: { amount: RATE, perMs: 1000 }, capacity: RATE });
const SHARED: Limit = {
  ...LIMIT,
  fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'SafeShare', maxPods: 3 },
};

/** A token bucket. It refills by the server's clock and takes one token if there is one. */
const BUCKET = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local amount, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = tonumber(kept[1]) or capacity
level = math.min(capacity, level + (now - (tonumber(kept[2]) or now)) * amount / 1000)
local admitted = level >= 1
if admitted then level = level - 1 end
redis.call('HSET', KEYS[1], 'level', level, 'at', now)
redis.call('PEXPIRE', KEYS[1], 60000)
return admitted and 1 or 0`;

type Kind = 'bare' | 'pod' | 'fleet' | 'redis';

export interface AddedFigures {
  fleet_added_p50: number;
  pod_added_p50: number;
  redis_added_p50: number;
}

export async function addedFigures(): Promise<AddedFigures> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const samples = await measure(await calls(stops));
    const p50 = (kind: Kind): number => percentile(samples[kind], 50);
    return {
      fleet_added_p50: p50('fleet') - p50('bare'),
      pod_added_p50: p50('pod') - p50('bare'),
      redis_added_p50: p50('redis') - p50('bare'),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function calls(
  stops: (() => Promise<unknown>)[],
): Promise<Record<Kind, () => Promise<void>>> {
  const model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  stops.push(() => model.close());
  const [bare, pod] = await Promise.all(
    [[], [LIMIT]].map((limits) => startRuntime(configuration(model.url, { limits }))),
  );
  stops.push(() => Promise.all([bare!.stop(), pod!.stop()]));
  const fleet = await ledRuntime(model.url, stops);
  const take = await redisBucket(stops);
  const ask = (url: string): (() => Promise<void>) => {
    const client = new MessagesClient(url);
    stops.push(() => Promise.resolve(client.close()));
    return async () => {
      const { status } = await client.send();
      if (status !== 200) throw new Error(`${url} answered ${status}`);
    };
  };
  const unlimited = ask(bare!.url);
  return {
    bare: unlimited,
    pod: ask(pod!.url),
    fleet: ask(fleet),
    redis: async () => {
      if (!(await take())) throw new Error('Redis had no token');
      await unlimited();
    },
  };
}

/** Returns the address of a runtime whose limit a leader in this process grants. */
async function ledRuntime(model: string, stops: (() => Promise<unknown>)[]): Promise<string> {
  const desired = configuration(model, { limits: [SHARED] });
  const { runtimes, targets, credentials } = await linkedRuntimes(1, desired);
  const lead = new AbortController();
  stops.push(async () => {
    lead.abort();
    await Promise.all(runtimes.map((runtime) => runtime.stop()));
  });
  const shared = { clock: systemClock, random: Math.random, registry: new Registry() };
  const links = new Links({
    ...shared,
    credentials: () => credentials,
    reviewToken: review,
    logger: new MemoryLogger(),
  });
  const fleet = ledFleet(lead.signal, { ...shared, links });
  links.open(lead.signal, () => 1);
  fleet.configure(AGENT, desired);
  links.setDesired(AGENT, desired, 1);
  links.setTargets(targets.map((target) => ({ ...target, running: true })));
  await until(() => fleet.of(AGENT).limits?.figures().pods.linked === 1);
  return runtimes[0]!.url;
}

/** Takes a token of a bucket in its own Redis. */
async function redisBucket(stops: (() => Promise<unknown>)[]): Promise<() => Promise<boolean>> {
  const redis = await RealRedis.start();
  stops.push(() => redis.stop());
  const client = createClient({ url: redis.url });
  await client.connect();
  stops.push(() => Promise.resolve(client.destroy()));
  const script = await client.scriptLoad(BUCKET);
  const taking = { keys: ['bucket'], arguments: [String(RATE), String(RATE)] };
  return async () => (await client.evalSha(script, taking)) === 1;
}

/** Milliseconds of each request by kind. */
async function measure(all: Record<Kind, () => Promise<void>>): Promise<Record<Kind, number[]>> {
  const samples: Record<Kind, number[]> = { bare: [], pod: [], fleet: [], redis: [] };
  const kinds = Object.keys(all) as Kind[];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    // Each kind goes first equally often.
    for (const each of kinds.keys()) {
      const kind = kinds[(round + each) % kinds.length]!;
      const begun = performance.now();
      await all[kind]();
      if (round >= WARM_UP) samples[kind].push(performance.now() - begun);
    }
  }
  return samples;
}
