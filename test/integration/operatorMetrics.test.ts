import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { waitFor } from '../cluster/common/step.ts';
import { metricsReference } from '../kit/metricsReference.ts';
import { parseMetrics, type Sample } from '../kit/metrics.ts';
import { startCollector, type Collector } from '../../runtime/testing/collector.ts';
import { tracingEnvironment } from '../../runtime/observe/tracingSettings.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/operator-metrics.md');
const WAIT = 20_000;

let server: ApiServer;
let operator: TestOperator;
let collector: Collector;

beforeAll(async () => {
  server = await startApiServer();
  collector = await startCollector();
  operator = await startOperator(server, {
    tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }),
    ownTracing: { endpoint: collector.url, ratio: 1, parentBased: true },
  });
  const namespace = await server.namespace('metrics');
  const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
  await server.apply(path, {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary' }] } },
  });
  await waitFor('the agent has no status', WAIT, async () => {
    const { body } = await server.request<AgentDeployment>('GET', path);
    return body.status?.observedGeneration === 1;
  });
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
  await collector?.close();
});

const samples = async (): Promise<Sample[]> => parseMetrics(await operator.registry.metrics());

/** The sum over all samples with these labels; undefined when there is none. */
async function value(
  name: string,
  labels: Record<string, string> = {},
): Promise<number | undefined> {
  const found = (await samples()).filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  );
  return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0);
}

describe('metrics of the operator', () => {
  it('are those on the reference page', () => {
    const text = metricsReference(operator.registry);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, text);
    expect(text).toBe(readFileSync(PAGE, 'utf8'));
  });

  it.each([
    ['agentdeployment', 32],
    ['agentdeployment-status', 4],
  ])('count the reconciles of %s, and none failed', async (controller, atATime) => {
    const total = 'controller_runtime_reconcile_total';
    expect(await value(total, { controller, result: 'success' })).toBeGreaterThan(0);
    expect(await value(total, { controller, result: 'error' })).toBe(0);
    expect(
      await value('controller_runtime_reconcile_time_seconds_count', { controller }),
    ).toBeGreaterThan(0);
    expect(await value('controller_runtime_max_concurrent_reconciles', { controller })).toBe(
      atATime,
    );
    expect(await value('workqueue_adds_total', { name: controller })).toBeGreaterThan(0);
    expect(
      await value('workqueue_queue_duration_seconds_count', { name: controller }),
    ).toBeGreaterThan(0);
    expect(
      await value('workqueue_work_duration_seconds_count', { name: controller }),
    ).toBeGreaterThan(0);
  });

  it('come to rest when there is nothing to do', () =>
    waitFor('a queue does not empty', WAIT, async () => {
      const busy = [
        await value('workqueue_depth'),
        await value('controller_runtime_active_workers'),
      ];
      return busy.every((count) => count === 0);
    }));

  it('tell the leader', async () => {
    expect(await value('leader_election_master_status')).toBe(1);
  });

  it('count requests to the API server by method and code', async () => {
    const total = 'rest_client_requests_total';
    expect(await value(total, { method: 'PATCH', code: '201' })).toBeGreaterThanOrEqual(5);
    expect(await value(total, { method: 'PUT', code: '200' })).toBeGreaterThanOrEqual(1);
    expect(
      await value('rest_client_request_duration_seconds_count', { verb: 'PATCH' }),
    ).toBeGreaterThan(0);
  });

  it.each([
    ...[
      'AgentDeployment',
      'CircuitBreakerPolicy',
      'RateLimitPolicy',
      'Pod',
      'ConfigMap',
      'Deployment',
    ],
    ...[
      'Service',
      'ServiceAccount',
      'HorizontalPodAutoscaler',
      'PodDisruptionBudget',
      'NetworkPolicy',
    ],
  ])('say how long ago the watch of %s was heard from', async (kind) => {
    const age = await value('breakwater_informer_last_event_seconds', { kind });
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(120);
  });

  it('say how far status lags behind, and how the links are', async () => {
    expect(await value('breakwater_status_lag_seconds_count')).toBeGreaterThan(0);
    expect(await value('breakwater_status_lag_seconds_sum')).toBeLessThan(30);
    expect(await value('breakwater_links', { state: 'connected' })).toBe(0);
    expect(await value('breakwater_policy_propagation_seconds_count')).toBe(0);
    expect(await value('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  });
});

describe('traces of the operator', () => {
  it('have a tree for each reconcile, with its requests to the API server', async () => {
    const reconcile = await waitFor('no reconcile was traced', WAIT, () =>
      Promise.resolve(
        collector.spans.find(
          ({ name, attributes }) =>
            name === 'reconcile agentdeployment' &&
            attributes['breakwater.object.name'] === 'one' &&
            attributes['breakwater.reconcile.result'] === 'success',
        ),
      ),
    );
    const parts = collector.spans.filter(({ parentSpanId }) => parentSpanId === reconcile.spanId);
    expect(parts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['PATCH configmaps', 'PATCH deployments']),
    );
    expect(new Set(parts.map(({ traceId }) => traceId))).toEqual(new Set([reconcile.traceId]));
    expect(collector.resource).toMatchObject({ 'service.name': 'breakwater-operator' });
    expect(await value('trace_spans_total', { result: 'exported' })).toBeGreaterThan(0);
    expect(await value('trace_spans_total', { result: 'queue_full' })).toBe(0);
  });
});
