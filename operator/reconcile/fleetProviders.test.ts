import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { send } from '../../runtime/testing/client.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import type { StartedRuntime } from '../../runtime/testing/runtime.ts';
import { until } from '../../runtime/testing/until.ts';
import {
  answerJson,
  fakeEndpoint,
  MESSAGE,
  type FakeEndpoint,
} from '../../runtime/testing/upstream.ts';
import { systemClock } from '../kube/clock.ts';
import { Links } from '../links/links.ts';
import { linkedRuntimes } from '../testing/linkedRuntimes.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { AGENT, review } from '../testing/messages.ts';
import { ledFleet } from '../testing/ledFleet.ts';
import type { Fleet } from './fleet.ts';

const PODS = 3;
const LIMIT = 100;
const HOUR = 3_600_000;
/** For both sides to hear of each other on a busy machine. */
const PATIENCE_MS = 20_000;

/** What the provider has left for the key, of which nothing comes back while the test runs. */
let left = 40;
let refuses = false;
let refused = 0;
let directory: string;
let model: FakeEndpoint;
let runtimes: StartedRuntime[];
let leader: Fleet;
const lead = new AbortController();

beforeAll(async () => {
  model = await fakeEndpoint((response) => {
    const isRefused = refuses || left < 1;
    if (isRefused) refused += 1;
    else left -= 1;
    response.setHeader('anthropic-ratelimit-requests-limit', LIMIT);
    response.setHeader('anthropic-ratelimit-requests-remaining', isRefused ? 0 : left);
    const reset = new Date(Date.now() + HOUR).toISOString();
    response.setHeader('anthropic-ratelimit-requests-reset', reset);
    if (isRefused) response.setHeader('retry-after', 200);
    answerJson(response, isRefused ? { type: 'error' } : MESSAGE, isRefused ? 429 : 200);
  });
  directory = await mkdtemp(join(tmpdir(), 'key-'));
  const path = join(directory, 'api-key');
  await writeFile(path, 'the-key\n');
  const credential = { path, secret: 's', key: 'api-key' };
  const desired = configuration('', {
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, credential }],
    retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 0, minPerSecond: 0 },
    maxRetryAfterMs: 1,
    providerLimits: { maxPods: 2 * PODS + 1 },
  });
  const { targets, credentials, ...linked } = await linkedRuntimes(PODS, desired);
  runtimes = linked.runtimes;
  const links = new Links({
    credentials: () => credentials,
    reviewToken: review,
    clock: systemClock,
    random: Math.random,
    logger: new MemoryLogger(),
    registry: new Registry(),
  });
  leader = ledFleet(lead.signal, { links, clock: systemClock });
  links.open(lead.signal, () => 1);
  leader.configure(AGENT, desired);
  links.setDesired(AGENT, desired, 1);
  links.setTargets(targets);
  await until(() => links.podsOf(AGENT).filter(({ fresh }) => fresh).length === PODS, PATIENCE_MS);
}, 30_000);
afterAll(async () => {
  lead.abort();
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await model.close();
  await rm(directory, { recursive: true });
});

async function ask({ url }: StartedRuntime): Promise<number> {
  const body = JSON.stringify({ model: 'claude', max_tokens: 5, messages: [] });
  return (await send(url, { body })).status;
}

const shareOf = ({ runtime }: StartedRuntime): object | undefined =>
  runtime.guard.providerLimits().find(({ led }) => led);

it('the leader gives each pod its share of what is left, and the provider refuses none of their calls', async () => {
  const [hot, ...others] = runtimes;
  // A pod has state of a model once that has answered.
  for (const each of runtimes) expect(await ask(each)).toBe(200);
  await until(() => runtimes.every((each) => shareOf(each) !== undefined), PATIENCE_MS);
  expect(leader.of(AGENT).providers?.figures()).toMatchObject([
    {
      ...{ dependency: 'model/primary', model: 'claude', resource: 'Requests', limit: LIMIT },
      pods: [{ pod: 'triage-1' }, { pod: 'triage-2' }, { pod: 'triage-3' }],
    },
  ]);
  const statuses = new Set<number>();
  await until(async () => {
    // More than there is for all.
    const asked = [...Array.from({ length: 50 }, () => hot!), ...others];
    for (const status of await Promise.all(asked.map(ask))) statuses.add(status);
    // The leader counts calls twice whose answers overtake each other, and so leaves some of the limit.
    return left <= 20;
  }, PATIENCE_MS);
  expect(refused).toBe(0);
  expect(statuses).toEqual(new Set([200, 429]));
  expect(model.seen.length).toBe(40 - left);
}, 50_000);

it('the leader has all pods wait for the time that the provider named to one of them', async () => {
  refuses = true;
  // Of another key nobody knows anything.
  await writeFile(join(directory, 'api-key'), 'another-key\n');
  const known = ({ runtime }: StartedRuntime): number => runtime.guard.providerLimits().length;
  await until(() => runtimes.every((each) => known(each) === 0), PATIENCE_MS);
  const inMs = ({ runtime }: StartedRuntime): number => {
    const { until: end } = runtime.guard.gates()[0]!;
    return end === undefined ? 0 : Date.parse(end) - Date.now();
  };
  await until(async () => {
    await ask(runtimes[0]!);
    return refused > 0;
  }, PATIENCE_MS);
  await until(() => runtimes.every((each) => inMs(each) > 100_000), PATIENCE_MS);
  const calls = model.seen.length;
  expect(await Promise.all(runtimes.map(ask))).toEqual([429, 429, 429]);
  expect(model.seen.length).toBe(calls);
}, 50_000);
