import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expressionsOf } from '../../config/grafana/dashboard.ts';
import { agentFixture } from '../../operator/testing/fixtures.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { startCollector } from '../../runtime/testing/collector.ts';
import { spanCount, tracingTo } from '../../runtime/testing/failoverScene.ts';
import { send } from '../../runtime/testing/client.ts';
import { TOUCHY, configuration } from '../../runtime/testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../../runtime/testing/conversation.ts';
import { startRuntime } from '../../runtime/testing/runtime.ts';
import type { StartedRuntime } from '../../runtime/testing/runtime.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from '../../runtime/testing/upstream.ts';
import { agentJob } from '../kit/monitoredAgent.ts';
import { RealPrometheus } from '../kit/prometheus.ts';
import { waitFor } from '../kit/wait.ts';

const cleanups = new Cleanups();
const TIER = { maxEntries: 10, ttlMs: 60_000 };
const CACHE = { scope: 'Shared', hot: TIER, warm: TIER, cold: TIER };

let agent: StartedRuntime;
let prometheus: RealPrometheus;
let calls = 0;
/** When all had been scraped, in seconds; idle connections, and with them their series, are gone soon after. */
let at = 0;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'queries-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  const path = join(directory, 'key');
  await writeFile(path, 'key-of-the-agent');
  // Every second answer is an error, and each to what is to break; a conversation uses a tool and is done then.
  const north = await fakeEndpoint((response, { body }) => {
    calls += 1;
    const { stream, messages } = JSON.parse(body.toString()) as {
      stream?: boolean;
      messages?: object[];
    };
    const done = JSON.stringify(messages ?? []).includes('tool_result');
    const tools = [{ id: `use-${calls}`, name: 'look', input: {} }];
    if (stream === true) answerStream(response, said(done ? { text: 'Done.' } : { tools }));
    else if (calls % 2 === 0 && !body.includes('break')) answerJson(response, MESSAGE);
    else answerJson(response, {}, 500);
  });
  const south = await fakeEndpoint((response) => answerJson(response, {}, 500));
  // The tool fails now and then.
  let lookUps = 0;
  const service = await fakeEndpoint((response) => {
    lookUps += 1;
    response.writeHead(lookUps % 2 === 0 ? 500 : 200).end('found');
  });
  // It takes every second export.
  let exports = 0;
  const collector = await startCollector((response) => {
    exports += 1;
    response.writeHead(exports % 2 === 0 ? 400 : 200).end('{}');
  });
  for (const each of [north, south, service, collector]) cleanups.add(() => each.close());
  const common = { provider: 'Anthropic', model: 'claude-test', maxConcurrent: 10 };
  const credential = { path, secret: 'keys', key: 'key' };
  agent = await startRuntime(
    configuration(north.url, {
      ...tracingTo(collector.url),
      endpoints: [
        { ...common, name: 'north', baseURL: north.url, credential },
        { ...common, name: 'south', baseURL: south.url, credential },
      ],
      affinity: { mode: 'Automatic' },
      retry: {
        ...{ maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2 },
        ...{ budgetPercent: 100, minPerSecond: 100 },
      },
      bulkhead: { maxConcurrent: 10, maxQueued: 10, acquireTimeoutMs: 1000 },
      circuits: ['north', 'south'].map((name) => ({
        ...{ ...TOUCHY, dependency: `model/${name}` },
        trip: { consecutiveFailures: name === 'south' ? 5 : 1000 },
      })),
      limits: [
        {
          ...{ target: 'inbound', policy: 'p', name: 'requests', resource: 'Requests' },
          ...{ refill: { amount: 1, perMs: 3_600_000 }, capacity: 40 },
        },
        {
          ...{ target: 'model/north', policy: 'p', name: 'tokens', resource: 'TotalTokens' },
          ...{ refill: { amount: 1, perMs: 3_600_000 }, capacity: 100_000 },
        },
      ],
      conversation: CONVERSATION,
      cache: CACHE,
      toolCache: CACHE,
      tools: [
        {
          ...{ name: 'look', description: 'Looks.', inputSchema: { type: 'object' } },
          ...{ cache: { ttlMs: 1 }, maxConcurrent: 10 },
          http: {
            ...{ url: service.url, method: 'GET', headers: [], headersFrom: [] },
            maxResponseBytes: 1000,
          },
        },
      ],
      healthChecks: [
        {
          ...{ name: 'service', http: { url: service.url }, intervalMs: 1000, timeoutMs: 1000 },
          ...{ failureThreshold: 3, critical: false },
        },
      ],
    }),
    undefined,
    { tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }) },
  );
  cleanups.add(() => agent.stop());
  await agent.runtime.tracing.settled();
  const addresses = { metrics: new URL(agent.metricsUrl).host };
  const triage = agentFixture('triage', {}, { namespace: 'default' });
  const job = agentJob(triage, { name: 'triage-0', addresses });
  prometheus = await RealPrometheus.start({ jobs: [job], targets: 1 });
  cleanups.add(() => prometheus.stop());
  // Once for the series to begin, and again, to be seen as growth of what was scraped.
  await exercise('first');
  await scraped();
  await exercise('second');
  await scraped();
  // Rejections come last, and a rate takes two scrapes.
  await waitFor(
    'Prometheus has scraped rejections twice',
    () => prometheus.query('rate(agent_requests_total{reason="RateLimited"}[1m])'),
    (found) => found.length > 0,
  );
  at = Date.now() / 1000;
}, 60_000);

afterAll(() => cleanups.run());

/** Conversations with a tool, requests with errors, hits of the cache and, in the end, rejections. */
async function exercise(name: string): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    await say(agent.url, await beginConversation(agent.url), `Look ${i}`);
  }
  const body = (text: string): string =>
    JSON.stringify({
      ...{ model: 'claude-test', max_tokens: 16 },
      messages: [{ role: 'user', content: text }],
    });
  const headers = { 'x-claude-code-session-id': name };
  for (let i = 0; i < 25; i += 1) {
    const text = i % 5 === 4 ? `break ${name}` : `${name} ${i >> 1}`;
    await send(agent.url, { body: body(text), headers });
  }
}

/** Resolves when Prometheus has all that the agent's metrics say at present. */
async function scraped(): Promise<void> {
  await waitFor(
    'spans were sent and lost',
    async () => [await spanCount(agent, 'exported'), await spanCount(agent, 'export_failed')],
    (counts) => counts.every((count) => count > 0),
  );
  const text = await agent.runtime.metrics.registry.metrics();
  const sum = [...text.matchAll(/^(?:agent_requests|trace_spans)_total\{.*\} (\d+)$/gm)].reduce(
    (total, [, count]) => total + Number(count),
    0,
  );
  await waitFor(
    'Prometheus has scraped what happened',
    () => prometheus.query('sum({__name__=~"agent_requests_total|trace_spans_total"})'),
    ([found]) => Number(found?.value[1]) >= sum,
  );
}

it('the ServiceMonitor yields one target with the labels that queries use', async () => {
  const [up, ...others] = await prometheus.query('up');
  expect(others).toEqual([]);
  expect(up!.metric).toMatchObject({
    ...{ namespace: 'default', breakwater_dev_agent: 'triage', pod: 'triage-0' },
    ...{ service: 'triage-headless', endpoint: 'metrics', job: 'breakwater-agent' },
  });
});

describe.each(['breakwater-agents', 'breakwater-fleet'])('the dashboard %s', (name) => {
  it.each(expressionsOf(name))(
    'gets figures from Prometheus for the query %s',
    async (expression) => {
      const query = expression
        .replaceAll('$__rate_interval', '1m')
        .replaceAll(/\$\w+_price/g, '3')
        .replaceAll('$namespace', 'default')
        .replaceAll('$agent', 'triage');
      const found = await prometheus.query(query, at);
      const figures = found.map(({ value }) => Number(value[1])).filter((value) => !isNaN(value));
      expect(figures.length).toBeGreaterThan(0);
    },
  );
});

/** Series and expressions as the guides write them, with names of this scene. Of latency they have one number. */
const OF_THE_GUIDES = [
  'agent_tool_calls_total{tool="look",status="success"}',
  'agent_tool_calls_total{tool="look",status="failure"}',
  'circuit_breaker_state{name="model/north",state="closed"}',
  'circuit_breaker_requests_total{name="model/north"}',
  'circuit_breaker_failures_total{name="model/north"}',
  'rate_limiter_requests_total{name="p"}',
  'rate_limiter_rejected_total{name="p"}',
  'bulkhead_active_requests{name="inbound"}',
  'bulkhead_queue_size{name="inbound"}',
  'bulkhead_rejected_total{name="inbound"}',
  'rate(agent_requests_failed_total[5m]) / rate(agent_requests_total[5m]) > 0.05',
  'circuit_breaker_state{state="open"} == 1',
  'rate(rate_limiter_rejected_total[5m]) > 0',
];

it.each(OF_THE_GUIDES)('the query %s of the guides gets figures', async (query) => {
  // Without the bound of a rate: how many of the last requests failed or were rejected differs between runs.
  const found = await prometheus.query(query.replace(/ > [\d.]+$/, ''), at);
  expect(found.length).toBeGreaterThan(0);
});
