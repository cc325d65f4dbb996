import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Configuration, Content } from '../../contract/generated/types.ts';
import { shutdownName } from '../../contract/mounts.ts';
import { buildAlerts } from '../../operator/desired/objects/alerts.ts';
import { agentFixture } from '../../operator/testing/fixtures.ts';
import type { Parts } from '../../runtime/testing/resolved.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { send } from '../../runtime/testing/client.ts';
import { startCollector } from '../../runtime/testing/collector.ts';
import { AUDIT, TOUCHY, configuration } from '../../runtime/testing/configuration.ts';
import { namedEndpoint, tracingTo } from '../../runtime/testing/failoverScene.ts';
import { RealRedis } from '../../runtime/testing/redis.ts';
import { startRuntime } from '../../runtime/testing/runtime.ts';
import type { StartedRuntime } from '../../runtime/testing/runtime.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../../runtime/testing/upstream.ts';
import { agentJob, operatorJob } from '../kit/monitoredAgent.ts';
import { RealPrometheus } from '../kit/prometheus.ts';
import { operatorRules } from '../kit/promtool.ts';
import { waitFor } from '../kit/wait.ts';

const cleanups = new Cleanups();
const TRIAGE = agentFixture('triage', {}, { namespace: 'default' });
/** The shipped alerts, with one or three seconds for the minutes of `for` and of ranges. */
const RULES = [...buildAlerts(TRIAGE), ...operatorRules().spec.groups[0]!.rules].map((rule) => ({
  ...rule,
  expr: rule.expr.replaceAll(/\[[35]m\]/g, '[3s]'),
  for: '1s',
}));
const NAMES = RULES.map(({ alert }) => alert!).sort();

let agent: StartedRuntime;
let prometheus: RealPrometheus;
let redis: RealRedis;
/** Whether everything fails. */
let broken = false;
/** The agent's configuration, with an edit that the pod has no mount for, or without. */
let configured: (counter: number, edited: boolean) => Configuration;

beforeAll(async () => {
  let calls = 0;
  const primary = await fakeEndpoint((response) => {
    if (broken) answerJson(response, {}, 500);
    else answerJson(response, MESSAGE);
  });
  const spare = await fakeEndpoint((response) => {
    calls += 1;
    if (broken && calls % 3 === 0) answerJson(response, {}, 500);
    else answerJson(response, { ...MESSAGE, usage: { input_tokens: 20, output_tokens: 20 } });
  });
  const collector = await startCollector((response) => {
    response.writeHead(broken ? 400 : 200).end('{}');
  });
  const logs = await fakeEndpoint((response) => {
    response.writeHead(broken ? 503 : 200).end('{}');
  });
  for (const each of [primary, spare, collector, logs]) cleanups.add(() => each.close());
  redis = await RealRedis.start();
  cleanups.add(() => redis.stop());
  const auth = {
    ...{ type: 'APIKeys', apiKeys: { path: '/keys', secret: 'team' } },
    failures: { perMinute: 30, maxAddresses: 100 },
  };
  configured = (counter, edited) => {
    const content: Parts<Content> = {
      ...tracingTo(collector.url),
      ...(edited && { auth }),
      audit: {
        ...AUDIT,
        otlp: {
          url: `${logs.url}/v1/logs`,
          timeoutMs: 1000,
          headersFrom: [],
          queueBytes: 1024 * 1024,
        },
      },
      security: {
        responses: [],
        incidents: {
          ...{ windowMs: 1000, maxTracked: 100, thresholds: {}, raiseAt: 2, manySources: 10 },
          spend: { factor: 5, hours: 24, minTokens: 100_000 },
        },
      },
      endpoints: [namedEndpoint(primary, 'primary'), namedEndpoint(spare, 'spare', 1)],
      circuits: [{ ...TOUCHY, openDurationMs: 300, maxOpenDurationMs: 300 }],
      limits: [
        {
          ...{ target: 'inbound', policy: 'p', name: 'requests', resource: 'Requests' },
          ...{ refill: { amount: 20, perMs: 1000 }, capacity: 20 },
        },
        {
          ...{ target: 'model/spare', policy: 'p', name: 'tokens', resource: 'TotalTokens' },
          ...{ refill: { amount: 100, perMs: 1000 }, capacity: 200 },
        },
        {
          ...{ target: 'inbound', policy: 'p', name: 'users', resource: 'Requests' },
          ...{ refill: { amount: 1000, perMs: 1000 }, capacity: 1000, key: { header: 'x-user' } },
          fleet: { store: 'Redis', storeTimeoutMs: 250, withoutLeader: 'Allow', maxPods: 3 },
        },
      ],
      redis: { url: redis.url },
    };
    return configuration(primary.url, content, { term: 1, counter });
  };
  const first = configured(1, false);
  agent = await startRuntime(first, undefined, {
    tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }),
    mounts: new Set([shutdownName(first.content.shutdown)]),
  });
  cleanups.add(() => agent.stop());
  await agent.runtime.tracing.settled();
  prometheus = await RealPrometheus.start({
    jobs: [
      agentJob(TRIAGE, {
        name: 'triage-0',
        addresses: { metrics: new URL(agent.metricsUrl).host },
      }),
      operatorJob({ name: 'breakwater-operator-0', addresses: { metrics: await operatorPage() } }),
    ],
    targets: 2,
    groups: [{ name: 'breakwater', rules: RULES }],
  });
  cleanups.add(() => prometheus.stop());
}, 90_000);

afterAll(() => cleanups.run());

/** Serves metrics of an operator with problems that a real one has only after minutes. Returns the address. */
async function operatorPage(): Promise<string> {
  let scrapes = 0;
  const server = createServer((_request, response) => {
    if (broken) scrapes += 1;
    const count = scrapes * 10;
    response.end(
      [
        `leader_election_master_status{name="breakwater-operator"} ${broken ? 0 : 1}`,
        `controller_runtime_reconcile_errors_total{controller="agentdeployment"} ${count}`,
        `breakwater_informer_last_event_seconds{kind="Pod"} ${broken ? 400 : 40}`,
        ...['10', '60', '+Inf'].map(
          (le) =>
            `workqueue_queue_duration_seconds_bucket{name="agentdeployment",le="${le}"} ${le === '10' ? 0 : count}`,
        ),
        'breakwater_links{state="connected"} 3',
        `breakwater_links{state="waiting"} ${broken ? 2 : 0}`,
        `breakwater_upgrades{state="failed"} ${broken ? 3 : 0}`,
        'trace_spans_total{result="exported"} 7',
        `trace_spans_total{result="queue_full"} ${count}`,
        '',
      ].join('\n'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(() => {
    server.close();
    server.closeAllConnections();
    return Promise.resolve();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function burst(count: number): Promise<void> {
  const body = JSON.stringify({
    ...{ model: 'claude-test', max_tokens: 16 },
    messages: [{ role: 'user', content: 'Hello' }],
  });
  await Promise.all(
    Array.from({ length: count }, () => send(agent.url, { body, headers: { 'x-user': 'ann' } })),
  );
}

/** Names of the firing alerts, with a number of requests between two checks. */
async function firing(requests: number): Promise<string[]> {
  await burst(requests);
  const alerts = await prometheus.alerts();
  const names = alerts.filter(({ state }) => state === 'firing');
  return [...new Set(names.map(({ labels }) => labels['alertname']!))].sort();
}

it('every alert fires when it should, and resolves when its cause is gone', async () => {
  expect(NAMES).toHaveLength(18);
  // Before the first scrape there is no leader.
  await waitFor(
    'no alert fires while all is well',
    () => firing(2),
    (names) => names.length === 0,
    { timeoutMs: 20_000 },
  );
  broken = true;
  agent.runtime.configuration.offerPush(1, configured(2, true));
  await redis.stop();
  // Not all fire at the same time: some last only while a circuit is open.
  const fired = new Set<string>();
  await waitFor(
    'every alert fires',
    async () => {
      for (const name of await firing(60)) fired.add(name);
      return [...fired].sort();
    },
    (names) => names.join() === NAMES.join(),
    { timeoutMs: 40_000 },
  );
  broken = false;
  agent.runtime.configuration.offerPush(1, configured(3, false));
  await redis.resume();
  await waitFor(
    'every alert has resolved',
    () => firing(1),
    (names) => names.length === 0,
    { timeoutMs: 20_000 },
  );
}, 90_000);
