import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Circuit, Configuration, Transition } from '../../contract/generated/types.ts';
import { configuration, TOUCHY } from '../../runtime/testing/configuration.ts';
import type { StartedRuntime } from '../../runtime/testing/runtime.ts';
import { until } from '../../runtime/testing/until.ts';
import { fakeEndpoint, MESSAGE, type FakeEndpoint } from '../../runtime/testing/upstream.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import { systemClock } from '../kube/clock.ts';
import { Links } from '../links/links.ts';
import { linkedRuntimes } from '../testing/linkedRuntimes.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import { AGENT, review } from '../testing/messages.ts';
import { ledFleet } from '../testing/ledFleet.ts';
import type { Fleet } from './fleet.ts';

const COUNT = 3;
const CIRCUIT: Circuit = {
  ...TOUCHY,
  policy: 'fleet',
  trip: { consecutiveFailures: 5 },
  openDurationMs: 2000,
  maxOpenDurationMs: 2000,
  halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 0 },
  fleet: { quorumPercent: 50 },
};

let model: FakeEndpoint;
let healthy = false;
let runtimes: StartedRuntime[];
let desired: Configuration;
let dialled: () => { links: Links; fleet: Fleet };
const lead = new AbortController();
const registry = new Registry();

beforeAll(async () => {
  model = await fakeEndpoint((response) => {
    response.writeHead(healthy ? 200 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify(healthy ? MESSAGE : { type: 'error' }));
  });
  desired = configuration(model.url, {
    circuits: [CIRCUIT],
    retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 0, minPerSecond: 0 },
  });
  const linked = await linkedRuntimes(COUNT, desired);
  const { targets, credentials } = linked;
  runtimes = linked.runtimes;
  dialled = () => {
    const links = new Links({
      credentials: () => credentials,
      reviewToken: review,
      clock: systemClock,
      random: Math.random,
      logger: new MemoryLogger(),
      registry,
    });
    const fleet = ledFleet(lead.signal, { links, clock: systemClock, registry });
    links.open(lead.signal, () => 1);
    fleet.configure(AGENT, desired);
    links.setDesired(AGENT, desired, 1);
    links.setTargets(targets);
    return { links, fleet };
  };
});
afterAll(async () => {
  lead.abort();
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await model.close();
});

async function ask({ url }: StartedRuntime): Promise<number> {
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({
      model: 'claude',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  await response.text();
  return response.status;
}

it('a circuit of the fleet opens over real links by votes, lets one pod probe, and closes in all pods', async () => {
  const { links, fleet } = dialled();
  const circuits = (): FleetCircuitStatus[] => fleet.of(AGENT).circuits!.status();
  const states = (): (string | undefined)[] =>
    links.podsOf(AGENT).map(({ snapshot }) => snapshot?.circuits[0]?.state);
  await until(() => links.podsOf(AGENT).every(({ snapshot }) => snapshot !== undefined));
  // Two failures in each pod: none of them opens by itself.
  await Promise.all(runtimes.flatMap((runtime) => [ask(runtime), ask(runtime)]));
  const transitions = (): Transition[][] =>
    links.podsOf(AGENT).map(({ snapshot }) => snapshot?.transitions ?? []);
  const opened = ({ from, to }: Transition): boolean => from === 'Closed' && to === 'Open';
  await until(() => transitions().every((own) => own.some(opened)));
  healthy = true;
  expect(circuits().find(({ state }) => state === 'Open')).toMatchObject({
    ...{ dependency: 'model/primary', model: 'claude', policy: 'fleet' },
    votes: expect.stringMatching(/^[23]\/3$/),
    reason: expect.stringMatching(/^[56] consecutive failures in [23] of 3 pods$/),
  });
  const seen = model.seen.length;
  await until(async () => {
    await Promise.all(runtimes.map(ask));
    const shared = circuits().map(({ state }) => state);
    return [...shared, ...states()].every((each) => each === 'Closed');
  });
  expect(model.seen.length - seen).toBeGreaterThanOrEqual(2);
  const probed = transitions().filter((own) => own.some(({ to }) => to === 'HalfOpen'));
  expect(probed).toHaveLength(1);
  const all = transitions().flat();
  expect(all.filter(({ to }) => to === 'Closed')).toHaveLength(COUNT);
  expect(all.every(({ reason }) => reason.startsWith('by the fleet:'))).toBe(true);
  expect(await registry.metrics()).toContain(
    'breakwater_fleet_probes_total{outcome="succeeded"} 1',
  );
  // Only that of the model is left: each pod has dropped the state from before its first call.
  const one = 'breakwater_fleet_circuits{state="closed"} 1';
  await until(async () => (await registry.metrics()).includes(one));
}, 30_000);
