import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expressionsOf } from '../../config/grafana/dashboard.ts';
import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { waitFor } from '../cluster/common/step.ts';
import { hashOf, snapshot } from '../../operator/testing/messages.ts';
import { PodServer } from '../../operator/testing/podServer.ts';
import { operatorJob } from '../kit/monitoredAgent.ts';
import { RealPrometheus } from '../kit/prometheus.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { makePod } from './linkedPod.ts';
import { metricsReference } from '../kit/metricsReference.ts';
import { parseMetrics, type Sample } from '../kit/metrics.ts';
import { startCollector, type Collector } from '../../runtime/testing/collector.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/operator-metrics.md');
const WAIT = 60_000;
const ADDRESS = '127.0.52.1';

let server: ApiServer;
let operator: TestOperator;
let collector: Collector;
let namespace: string;
let path: string;

beforeAll(async () => {
  server = await startApiServer();
  collector = await startCollector();
  operator = await startOperator(server, {
    tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }),
    ownTracing: { endpoint: collector.url, ratio: 1, parentBased: true },
  });
  namespace = await server.namespace('metrics');
  path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
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

/** The sum of all samples with these labels; undefined without any. */
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
  it('match the reference page', () => {
    const text = metricsReference(operator.registry);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, text);
    expect(text).toBe(readFileSync(PAGE, 'utf8'));
  });

  it.each([
    ['agentdeployment', 32],
    ['agentdeployment-status', 4],
  ])('count the reconciles of %s and show no failed one', async (controller, atATime) => {
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

  it('show empty queues once there is nothing to do', () =>
    waitFor('a queue does not empty', WAIT, async () => {
      const busy = [
        await value('workqueue_depth'),
        await value('controller_runtime_active_workers'),
      ];
      return busy.every((count) => count === 0);
    }));

  it('show that this process leads', async () => {
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
  ])('show how long ago the watch of %s sent something', async (kind) => {
    const age = await value('breakwater_informer_last_event_seconds', { kind });
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(120);
  });

  it('show the lag of statuses and the state of links', async () => {
    expect(await value('breakwater_status_lag_seconds_count')).toBeGreaterThan(0);
    expect(await value('breakwater_status_lag_seconds_sum')).toBeLessThan(30);
    expect(await value('breakwater_links', { state: 'connected' })).toBe(0);
    expect(await value('breakwater_policy_propagation_seconds_count')).toBe(0);
    expect(await value('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  });
});

describe('traces of the operator', () => {
  it('contain a tree for each reconcile with its requests to the API server', async () => {
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

describe('the dashboard of the operator', () => {
  const ends: (() => Promise<unknown> | void)[] = [];
  let prometheus: RealPrometheus;

  beforeAll(async () => {
    const page = createServer((_request, response) => {
      void operator.registry.metrics().then((text) => response.end(text));
    });
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      page.close();
      page.closeAllConnections();
    });
    const metrics = `127.0.0.1:${(page.address() as AddressInfo).port}`;
    prometheus = await RealPrometheus.start({
      jobs: [operatorJob({ name: 'breakwater-operator-0', addresses: { metrics } })],
      targets: 1,
    });
    ends.push(() => prometheus.stop());
    await configurationPushed();
    // A rate needs two scrapes of a growing counter.
    await waitFor('Prometheus has not scraped the push', WAIT, async () => {
      const grown = 'rate(breakwater_policy_propagation_seconds_count[1m]) > 0';
      return (await prometheus.query(grown)).length > 0;
    });
  }, START_TIMEOUT);

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  /** Lets a pod of the agent receive its configuration and put it in force. */
  async function configurationPushed(): Promise<void> {
    const secret = await server.request<{ data: Record<string, string> }>(
      'GET',
      '/api/v1/namespaces/breakwater-system/secrets/breakwater-authority',
    );
    const authority = Buffer.from(secret.body.data['tls.crt']!, 'base64').toString();
    const pods = await PodServer.start(authority, { port: PORTS.control, host: ADDRESS });
    ends.push(() => pods.stop());
    const owner = await replicaSetOf(server, namespace, 'one');
    const pod = await makePod(server, namespace, 'one-0', ADDRESS, owner);
    const link = await waitFor('the pod is not dialled', WAIT, () => pods.linkTo(ADDRESS));
    link.say(pod.hello);
    link.say(snapshot(hashOf('0')));
    const configured = await waitFor('the pod gets no configuration', WAIT, () =>
      link.received.find((command) => command.type === 'Configure'),
    );
    link.say(snapshot(configured.configuration.hash));
  }

  it.each(expressionsOf('breakwater-operator'))(
    'gets figures from Prometheus for the query %s',
    async (expression) => {
      const query = expression
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('$operator', 'breakwater-operator-0');
      const found = await prometheus.query(query);
      const figures = found.filter(({ value: [, text] }) => !isNaN(Number(text)));
      expect(figures.length).toBeGreaterThan(0);
    },
  );

  it('shows the leading pod under the labels of its ServiceMonitor', async () => {
    const [found] = await prometheus.query('leader_election_master_status == 1');
    expect(found!.metric).toMatchObject({
      ...{ namespace: 'breakwater-system', pod: 'breakwater-operator-0' },
      ...{ service: 'breakwater-operator-metrics', endpoint: 'metrics' },
    });
  });

  it('finds the trace of a push, which names the pod', async () => {
    const push = await waitFor('no push was traced', WAIT, () =>
      collector.spans.find(({ name }) => name === 'push configuration'),
    );
    expect(push.attributes).toMatchObject({
      ...{ 'k8s.namespace.name': namespace, 'k8s.pod.name': 'one-0' },
      'breakwater.agent.name': 'one',
    });
  });
});
