import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { FLEET } from '../../contract/link.ts';
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
import { systemClock, type Clock } from '../kube/clock.ts';
import { Links } from '../links/links.ts';
import { linkedRuntimes, type LinkedRuntimes } from '../testing/linkedRuntimes.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { AGENT, review } from '../testing/messages.ts';
import { ledFleet } from '../testing/ledFleet.ts';
import type { Fleet } from './fleet.ts';

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
let pods: LinkedRuntimes;
let fleet: Fleet;
let desired: Configuration;
const lead = new AbortController();
const closing = new AbortController();
const registry = new Registry();
/** Milliseconds that passed at once for the leaders. */
let passedMs = 0;
const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs };

/** A leader with links of its own to all pods. */
function startLeader(
  term: number,
  instance: string,
  own: Registry,
  { signal, closed, before }: { signal: AbortSignal; closed: AbortSignal; before: boolean },
): Fleet {
  const { targets, credentials } = pods;
  const shared = { clock, random: Math.random, registry: own };
  const links = new Links({
    ...shared,
    credentials: () => credentials,
    reviewToken: review,
    logger: new MemoryLogger(),
  });
  const leader = ledFleet(
    closed,
    { ...shared, links, instance },
    {
      ...{ session: instance, termOf: () => term, beforeMs: FLEET.leavingMs },
      agents: before ? [AGENT] : [],
    },
  );
  links.open(signal, () => term, closed);
  leader.configure(AGENT, desired);
  links.setDesired(AGENT, desired, term);
  links.setTargets(targets.map((target) => ({ ...target, running: true })));
  return leader;
}

beforeAll(async () => {
  model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  desired = configuration(model.url, { limits: [LIMIT] });
  pods = await linkedRuntimes(PODS, desired);
  runtimes = pods.runtimes;
  const { signal } = lead;
  fleet = startLeader(1, 'operator-a', registry, { signal, closed: closing.signal, before: false });
}, 30_000);
afterAll(async () => {
  lead.abort();
  closing.abort();
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await model.close();
});

it('the pods of a fleet together admit what the limit allows, whichever pods get the requests', async () => {
  const body = JSON.stringify({ model: 'claude', max_tokens: 5, messages: [] });
  const statuses: number[] = [];
  const ask = async ({ url }: StartedRuntime): Promise<void> => {
    const { status } = await send(url, { body });
    statuses.push(status);
  };
  await until(() => fleet.of(AGENT).limits?.figures()?.pods.linked === PODS);
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
  expect(fleet.of(AGENT).limits?.figures()).toMatchObject({
    leader: 'operator-a',
    pods: { linked: PODS, total: PODS },
  });
  expect(await registry.metrics()).toContain('breakwater_fleet_pods{state="linked"} 3');
}, 30_000);

it('tokens are shared on while the process is to stop, until another leader has all pods', async () => {
  let hasLeft = false;
  // Pods that are this new may be unknown to the next leader, and are let go at once.
  passedMs += FLEET.pledgeMs;
  await until(() => fleet.of(AGENT).limits?.figures().pods.linked === PODS);
  lead.abort();
  const left = fleet.leave().then(() => {
    hasLeft = true;
  });
  const granted = async (): Promise<number> => (await send(runtimes[0]!.url)).status;
  expect(await granted()).toBe(429);
  expect(hasLeft).toBe(false);
  expect(fleet.of(AGENT).limits?.figures().pods.linked).toBe(PODS);
  const next = new AbortController();
  const { signal } = next;
  const other = startLeader(2, 'operator-b', new Registry(), {
    ...{ signal, closed: signal, before: true },
  });
  await left;
  closing.abort();
  // It waited for no share that the leader before had lent, and for no token to end.
  await until(() => other.of(AGENT).limits!.figures().pods.linked === PODS);
  await until(() => other.of(AGENT).limits!.figures().limits[0]!.level > 0);
  expect(await granted()).toBe(429);
  next.abort();
}, 30_000);
