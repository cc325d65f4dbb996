import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { buildAlerts } from '../../operator/desired/objects/alerts.ts';
import { prometheusOperatorDefinitions } from '../cluster/local/prometheusOperator.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const AGENTS = '/apis/breakwater.dev/v1alpha1';
const MONITORING = '/apis/monitoring.coreos.com/v1';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WAIT = 60_000;

let server: ApiServer;
let operator: TestOperator;
let namespace: string;
let definitions: KubernetesObject[];

beforeAll(async () => {
  server = await startApiServer();
  const files = await prometheusOperatorDefinitions();
  definitions = files.map((file) => parse(readFileSync(file, 'utf8')) as KubernetesObject);
  operator = await startOperator(server, { discoveryIntervalMs: 1_000 });
  namespace = await server.namespace('monitoring');
  await server.apply(agentPath('quiet'), agent('quiet'));
  await server.apply(
    agentPath('asking'),
    agent('asking', { serviceMonitor: { enabled: true }, alerts: { enabled: true } }),
  );
  await server.apply(
    agentPath('declining'),
    agent('declining', { serviceMonitor: { enabled: false }, alerts: { enabled: false } }),
  );
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

const agent = (name: string, monitoring: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name },
  spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, monitoring },
});

const agentPath = (name: string): string =>
  `${AGENTS}/namespaces/${namespace}/agentdeployments/${name}`;
const monitorPath = (name: string): string =>
  `${MONITORING}/namespaces/${namespace}/servicemonitors/${name}`;
const rulePath = (name: string): string =>
  `${MONITORING}/namespaces/${namespace}/prometheusrules/${name}`;
const servicePath = (name: string): string =>
  `/api/v1/namespaces/${namespace}/services/${name}-headless`;
const deploymentPath = (name: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;

const monitored = (object: AgentDeployment | undefined): string | undefined => {
  const found = object?.status?.conditions?.find(({ type }) => type === 'Monitored');
  return found && `${found.status} ${found.reason}`;
};

const untilMonitored = (name: string, expected: string): Promise<AgentDeployment> =>
  server.until<AgentDeployment>(agentPath(name), (object) => monitored(object) === expected);

const scraped = (object: KubernetesObject | undefined): boolean =>
  object?.metadata.annotations?.['prometheus.io/scrape'] === 'true';

const install = (): Promise<unknown> =>
  Promise.all(definitions.map((crd) => server.apply(`${CRDS}/${crd.metadata.name}`, crd)));

const generations = (): Promise<(number | undefined)[]> =>
  Promise.all(
    ['quiet', 'asking', 'declining'].map(async (name) => {
      const found = await server.get<KubernetesObject>(deploymentPath(name));
      return found?.metadata.generation;
    }),
  );

describe('monitoring', () => {
  it('uses annotations without prometheus-operator, and says so if the spec asks for a ServiceMonitor', async () => {
    for (const name of ['quiet', 'asking', 'declining'])
      await server.until<KubernetesObject>(servicePath(name), scraped);
    await untilMonitored('asking', 'False NotInstalled');
    const quiet = await server.until<AgentDeployment>(
      agentPath('quiet'),
      (object) => object.status?.conditions !== undefined,
    );
    expect(monitored(quiet)).toBeUndefined();
    const events = await server.until<{ items: { reason: string; regarding: object }[] }>(
      `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      (found) => found.items.some(({ reason }) => reason === 'MonitoringNotInstalled') === true,
    );
    const told = events.items.filter(({ reason }) => reason === 'MonitoringNotInstalled');
    expect(told).toMatchObject([{ regarding: { name: 'asking' } }]);
  });

  it('uses a ServiceMonitor and a PrometheusRule once their CRDs are installed, and restarts no pod', async () => {
    const before = await generations();
    expect(before).toEqual([1, 1, 1]);
    await install();
    for (const name of ['quiet', 'asking']) {
      const monitor = await server.until<KubernetesObject>(monitorPath(name));
      const rule = await server.until<KubernetesObject>(rulePath(name));
      for (const { metadata } of [monitor, rule])
        expect(metadata.ownerReferences).toMatchObject([{ name, controller: true }]);
      await server.until<KubernetesObject>(servicePath(name), (service) => !scraped(service));
    }
    await untilMonitored('asking', 'True Monitored');
    expect(await server.get(monitorPath('declining'))).toBeUndefined();
    expect(scraped(await server.get(servicePath('declining')))).toBe(true);
    expect(await generations()).toEqual(before);
  });

  it('restores an object that somebody changes or deletes', async () => {
    const alerts = buildAlerts({ metadata: { namespace, name: 'quiet' } } as never);
    await server.request('PATCH', rulePath('quiet'), {
      contentType: 'application/merge-patch+json',
      body: { spec: { groups: [] } },
    });
    await server.until<{ spec: { groups: { rules: unknown[] }[] } }>(
      rulePath('quiet'),
      (rule) => rule?.spec.groups[0]?.rules.length === alerts.length,
    );
    await server.request('DELETE', monitorPath('quiet'));
    await server.until(monitorPath('quiet'));
  });

  it('returns to annotations if the spec turns the ServiceMonitor off', async () => {
    await server.apply(agentPath('quiet'), agent('quiet', { serviceMonitor: { enabled: false } }));
    await server.untilGone(monitorPath('quiet'));
    await server.until<KubernetesObject>(servicePath('quiet'), scraped);
    expect(await server.get(rulePath('quiet'))).toBeDefined();
    await server.apply(agentPath('quiet'), agent('quiet'));
    await server.until(monitorPath('quiet'));
  });

  it('leaves an object of somebody else alone', async () => {
    const foreign = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: 'taken' },
      spec: { selector: {}, endpoints: [{ port: 'other' }] },
    };
    await server.apply(monitorPath('taken'), foreign);
    await server.apply(agentPath('taken'), agent('taken'));
    const seen = await server.until<AgentDeployment>(agentPath('taken'), (object) =>
      JSON.stringify(object.status?.conditions ?? []).includes('ServiceMonitor taken already'),
    );
    expect(seen.metadata.name).toBe('taken');
    expect(await server.get(monitorPath('taken'))).toMatchObject({ spec: foreign.spec });
    await server.request('DELETE', agentPath('taken'));
  });

  it('returns to annotations if the CRDs are removed, with at most four warnings', async () => {
    const before = await generations();
    operator.warnings.length = 0;
    for (const { metadata } of definitions)
      await server.request('DELETE', `${CRDS}/${metadata.name}`);
    await untilMonitored('asking', 'False NotInstalled');
    for (const name of ['quiet', 'asking'])
      await server.until<KubernetesObject>(servicePath(name), scraped);
    expect(await generations()).toEqual(before);
    const metrics = await operator.registry.metrics();
    expect(metrics).not.toContain('breakwater_informer_last_event_seconds{kind="ServiceMonitor"}');
    // A watch of each kind that finds it gone, at most.
    expect(operator.warnings.length).toBeLessThanOrEqual(4);
  });

  it('uses a ServiceMonitor again once the CRDs are back', async () => {
    await install();
    await untilMonitored('asking', 'True Monitored');
    for (const name of ['quiet', 'asking']) {
      await server.until(monitorPath(name));
      await server.until<KubernetesObject>(servicePath(name), (service) => !scraped(service));
    }
  });
});

it.each(['everything/serviceMonitor', 'everything/prometheusRule', 'pod-template/prometheusRule'])(
  'the API server accepts the golden file %s',
  async (name) => {
    const file = new URL(`../../operator/desired/testdata/${name}.golden.yaml`, import.meta.url);
    const object = parse(readFileSync(file, 'utf8')) as KubernetesObject;
    await install();
    const path = object.kind === 'ServiceMonitor' ? monitorPath('triage') : rulePath('triage');
    await waitFor('the kind is not served', WAIT, async () => {
      const { status } = await server.request('GET', path.replace(/\/triage$/, ''));
      return status === 200;
    });
    const { status, body } = await server.request<KubernetesObject>('PATCH', path, {
      query: { fieldManager: 'test', dryRun: 'All', fieldValidation: 'Strict' },
      contentType: 'application/apply-patch+yaml',
      body: { ...object, metadata: { ...object.metadata, namespace } },
    });
    expect({ status, body }).toMatchObject({ status: 201, body: { kind: object.kind } });
  },
);
