import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Configuration, Limit } from '../../contract/generated/types.ts';
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
import { Fleet } from './fleet.ts';

const PODS = 3;
/** Of all pods together: 30 at once, and no more for an hour. */
const LIMIT: Limit = {
  ...{ target: 'inbound', policy: 'shared', name: 'requests', resource: 'Requests' },
  ...{ refill: { amount: 30, perMs: 3_600_000 }, capacity: 30 },
  ...{ maxKeys: 1, onLimit: 'Reject', maxWaitMs: 2000, mode: 'Enforce', requires: [] },
  fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'Deny', maxPods: 4 },
};

let model: FakeEndpoint;
let runtimes: StartedRuntime[];
let fleet: Fleet;
let desired: Configuration;
const lead = new AbortController();
const registry = new Registry();

beforeAll(async () => {
  model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  desired = configuration(model.url, { limits: [LIMIT] });
  const linked = await linkedRuntimes(PODS, desired);
  const { targets, credentials } = linked;
  runtimes = linked.runtimes;
  const links = new Links({
    credentials: () => credentials,
    reviewToken: review,
    clock: systemClock,
    random: Math.random,
    logger: new MemoryLogger(),
    registry,
  });
  fleet = new Fleet({
    links,
    podsOf: () => targets.map(({ uid }) => ({ uid, runs: true })),
    clock: systemClock,
    random: Math.random,
    registry,
    instance: 'operator-a',
  });
  fleet.open(lead.signal, { leads: () => true, termOf: () => 1, agents: [] });
  links.open(lead.signal, () => 1);
  fleet.configured(AGENT, desired);
  links.setDesired(AGENT, desired, 1);
  links.setTargets(targets);
}, 30_000);
afterAll(async () => {
  lead.abort();
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await model.close();
});

it('the pods of a fleet together admit as much as the limit says, wherever the requests come', async () => {
  const body = JSON.stringify({ model: 'claude', max_tokens: 5, messages: [] });
  const statuses: number[] = [];
  const ask = async ({ url }: StartedRuntime): Promise<void> => {
    const { status } = await send(url, { body });
    statuses.push(status);
  };
  await until(() => fleet.figuresOf(AGENT)?.pods.linked === PODS);
  // Nine of ten requests come to one pod.
  const [hot, ...others] = runtimes;
  for (let round = 0; round < 6; round += 1) {
    await Promise.all([...Array.from({ length: 9 }, () => ask(hot!)), ask(others[round % 2]!)]);
  }
  const admitted = (): number => statuses.filter((status) => status === 200).length;
  await until(async () => {
    if (admitted() === LIMIT.capacity) return true;
    await Promise.all(runtimes.map(ask));
    return false;
  });
  await Promise.all(runtimes.flatMap((runtime) => [ask(runtime), ask(runtime)]));
  expect(admitted()).toBe(LIMIT.capacity);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(model.seen).toHaveLength(LIMIT.capacity);
  expect(fleet.figuresOf(AGENT)).toMatchObject({
    leader: 'operator-a',
    pods: { linked: PODS, total: PODS },
  });
  expect(await registry.metrics()).toContain('breakwater_fleet_pods{state="linked"} 3');
}, 30_000);
