import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { loadClusterConfig, type Deployment } from '../../operator/kube/index.ts';
import { prometheusOperatorDefinitions } from '../cluster/local/prometheusOperator.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { FaultProxy, type Fault, type Seen } from './faults/proxy.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const RETRY_MS = 30_000;
const MONITORS = '/apis/monitoring.coreos.com/v1/servicemonitors';

let server: ApiServer;
let proxy: FaultProxy;
let operator: TestOperator;

const refusal = (code: number, reason: string, headers?: Record<string, string>): Fault => ({
  ...{ kind: 'answer', status: code, ...(headers && { headers }) },
  body: { kind: 'Status', status: 'Failure', code, reason, message: `refused: ${reason}` },
});

const listsMonitors = ({ path, kind }: Seen): boolean => path === MONITORS && kind !== 'call';

beforeAll(async () => {
  server = await startApiServer();
  for (const file of await prometheusOperatorDefinitions()) {
    const crd = parse(readFileSync(file, 'utf8')) as KubernetesObject;
    await server.apply(`${CRDS}/${crd.metadata.name}`, crd);
  }
  const cluster = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  proxy = await FaultProxy.start(cluster);
  // An operator that starts while one optional kind cannot be listed.
  proxy.fault = (request) => (listsMonitors(request) ? refusal(500, 'InternalError') : undefined);
  operator = await startOperator(server, { cluster: proxy.config, discoveryIntervalMs: 1_000 });
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await proxy?.[Symbol.asyncDispose]();
  await server?.stop();
});

afterEach(() => {
  proxy.fault = () => undefined;
});

const agentPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
const deploymentPath = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/one`;

const applyAgent = (namespace: string, replicas = 1, spec: object = {}): Promise<unknown> =>
  server.apply(agentPath(namespace), {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, replicas, ...spec },
  });

const untilReplicas = (namespace: string, replicas: number): Promise<Deployment> =>
  server.until<Deployment>(
    deploymentPath(namespace),
    (deployment) => deployment.spec.replicas === replicas,
  );

const untilCondition = (namespace: string, type: string, text: string): Promise<AgentDeployment> =>
  server.until<AgentDeployment>(agentPath(namespace), ({ status }) =>
    (status?.conditions ?? []).some(
      (one) => one.type === type && `${one.status} ${one.reason} ${one.message}`.includes(text),
    ),
  );

const samples = async (name: string): Promise<string[]> =>
  (await operator.registry.metrics()).split('\n').filter((line) => line.startsWith(name));

describe('an operator whose API server misbehaves', () => {
  it(
    'leads without an optional kind that cannot be listed, says so, and uses the kind once it can be listed',
    async () => {
      // afterEach has not run yet: the kind still fails.
      const namespace = await server.namespace('optional');
      const monitoring = { serviceMonitor: { enabled: true } };
      await applyAgent(namespace, 1, { monitoring });
      await untilReplicas(namespace, 1);
      await untilCondition(namespace, 'Monitored', 'False Failing The API server does not list');
      expect(await samples('breakwater_optional_kinds')).toContain(
        'breakwater_optional_kinds{kind="ServiceMonitor",state="Failing"} 1',
      );
      const said = operator.warnings.filter(({ msg }) => msg.includes('optional kind'));
      expect(said).toMatchObject([{ resource: 'servicemonitors' }]);
      proxy.fault = () => undefined;
      // The informer waits for up to half a minute between two lists.
      await waitFor('the kind is not taken up', 2 * RETRY_MS, async () => {
        const agent = await server.get<AgentDeployment>(agentPath(namespace));
        return agent?.status?.conditions?.some(({ reason }) => reason === 'Monitored');
      });
      await server.until(
        `/apis/monitoring.coreos.com/v1/namespaces/${namespace}/servicemonitors/one`,
      );
    },
    4 * RETRY_MS,
  );

  it('says that it lacks permissions, and continues once it has them again', async () => {
    const namespace = await server.namespace('denied');
    await applyAgent(namespace);
    await untilReplicas(namespace, 1);
    proxy.fault = ({ method, path }) =>
      method === 'PATCH' && path.startsWith('/apis/apps/') ? refusal(403, 'Forbidden') : undefined;
    await applyAgent(namespace, 2);
    await untilCondition(namespace, 'Degraded', 'Deployment one could not be applied (Forbidden)');
    proxy.fault = () => undefined;
    await applyAgent(namespace, 3);
    await untilReplicas(namespace, 3);
    await untilCondition(namespace, 'Degraded', 'False AsExpected');
  });

  it('creates nothing in a namespace that is being deleted, and says so', async () => {
    const namespace = await server.namespace('ending');
    await applyAgent(namespace);
    await untilReplicas(namespace, 1);
    // There is no controller here that would end the deletion.
    await server.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await server.request('DELETE', deploymentPath(namespace));
    await untilCondition(namespace, 'Degraded', 'is being terminated');
    const failed = operator.warnings.filter(
      (line) => line.msg === 'Reconcile failed' && line['namespace'] === namespace,
    );
    expect(failed).toEqual([]);
  });

  it('makes progress while half of all requests are answered with 429', async () => {
    let count = 0;
    proxy.fault = () =>
      (count += 1) % 2 === 0 ? refusal(429, 'TooManyRequests', { 'retry-after': '1' }) : undefined;
    const namespace = await server.namespace('throttled');
    await applyAgent(namespace, 2);
    await untilReplicas(namespace, 2);
  });
});
