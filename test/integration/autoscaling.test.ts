import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import {
  KubeClient,
  loadClusterConfig,
  systemClock,
  Transport,
  type Deployment,
} from '../../operator/kube/index.ts';
import { Deployments } from '../../operator/resources/resources.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const MERGE = 'application/merge-patch+json';

let server: ApiServer;
let operator: TestOperator;
let transport: Transport;
let client: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  operator = await startOperator(server);
  const config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  const registry = new Registry();
  transport = new Transport({ config, registry, clock: systemClock, random: Math.random });
  client = new KubeClient(transport);
}, START_TIMEOUT);

afterAll(async () => {
  await transport?.close();
  await operator?.stop();
  await server?.stop();
});

const agentPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
const deploymentPath = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
const autoscalerPath = (namespace: string): string =>
  `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/one`;

const apply = (namespace: string, spec: object): Promise<unknown> =>
  server.apply(agentPath(namespace), {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, ...spec },
  });

/** All values of the Deployment's spec.replicas in order, without repetitions. */
function historyOf(namespace: string): { seen: number[]; stop: () => Promise<void> } {
  const abort = new AbortController();
  const seen: number[] = [];
  const follow = async (): Promise<void> => {
    const options = { namespace, resourceVersion: '', timeoutSeconds: 300, signal: abort.signal };
    for await (const { type, object } of client.watch(Deployments, options)) {
      if (type === 'BOOKMARK') continue;
      const replicas = (object as Deployment).spec?.replicas;
      if (replicas !== undefined && replicas !== seen.at(-1)) seen.push(replicas);
    }
  };
  const ended = follow().catch(() => undefined);
  const stop = async (): Promise<void> => {
    abort.abort();
    await ended;
  };
  return { seen, stop };
}

/** Scales, as the controller of a HorizontalPodAutoscaler or kubectl scale does. */
async function scale(path: string, replicas: number): Promise<void> {
  const { status } = await server.request('PATCH', `${path}/scale`, {
    query: { fieldManager: 'scaler' },
    contentType: MERGE,
    body: { spec: { replicas } },
  });
  expect(status).toBe(200);
}

interface Managed {
  metadata: {
    generation: number;
    managedFields: {
      manager: string;
      operation: string;
      fieldsV1: { 'f:spec'?: Record<string, unknown> };
    }[];
  };
  spec: { replicas: number };
}

/** Field managers of the Deployment's spec.replicas. */
const ownersOf = ({ metadata }: Managed): string[] =>
  metadata.managedFields
    .filter(({ fieldsV1 }) => fieldsV1['f:spec']?.['f:replicas'] !== undefined)
    .map(({ manager }) => manager);

const scaling = (agent: AgentDeployment | undefined): string | undefined => {
  const found = agent?.status?.conditions?.find(({ type }) => type === 'ScalingManaged');
  return found && `${found.status} ${found.reason}`;
};

it('autoscaling keeps the number of pods, follows the autoscaler, and ends in one step', async () => {
  const namespace = await server.namespace('toggle');
  const history = historyOf(namespace);
  await apply(namespace, { replicas: 4 });
  const before = await server.until<Managed>(deploymentPath(namespace));
  expect(ownersOf(before)).toEqual(['breakwater-agentdeployment']);

  await apply(namespace, { replicas: 4, autoscaling: { minReplicas: 2, maxReplicas: 9 } });
  await server.until(autoscalerPath(namespace));
  const taken = await server.until<Managed>(
    deploymentPath(namespace),
    (found) => !ownersOf(found).includes('breakwater-agentdeployment'),
  );
  expect(taken.spec.replicas).toBe(4);
  expect(ownersOf(taken)).toEqual(['breakwater-agentdeployment-replicas']);

  await scale(deploymentPath(namespace), 7);
  const scaled = await server.until<Managed>(
    deploymentPath(namespace),
    (found) => found.spec.replicas === 7,
  );
  expect(ownersOf(scaled)).toEqual(['scaler']);
  // A rollout during autoscaling does not change the number.
  const autoscaling = { minReplicas: 2, maxReplicas: 9 };
  await apply(namespace, { replicas: 4, autoscaling, image: 'runtime:2' });
  await server.until<Managed>(
    deploymentPath(namespace),
    (found) => found.metadata.generation > scaled.metadata.generation,
  );

  await apply(namespace, { replicas: 4 });
  const given = await server.until<Managed>(
    deploymentPath(namespace),
    (found) => found.spec.replicas === 4,
  );
  expect(ownersOf(given)).toEqual(['breakwater-agentdeployment']);
  await server.untilGone(autoscalerPath(namespace));
  // Does it again, after the number has had another owner.
  await apply(namespace, { replicas: 4, autoscaling: { minReplicas: 2, maxReplicas: 9 } });
  await server.until<Managed>(
    deploymentPath(namespace),
    (found) => !ownersOf(found).includes('breakwater-agentdeployment'),
  );
  await history.stop();
  expect(history.seen).toEqual([4, 7, 4]);
}, 60_000);

it('autoscaling begins with minReplicas pods', async () => {
  const namespace = await server.namespace('begin');
  const history = historyOf(namespace);
  await apply(namespace, { autoscaling: { minReplicas: 2, maxReplicas: 9 } });
  await server.until(autoscalerPath(namespace));
  const made = await server.until<Managed>(deploymentPath(namespace));
  expect(ownersOf(made)).toEqual(['breakwater-agentdeployment-replicas']);
  await history.stop();
  expect(history.seen).toEqual([2]);
});

it('autoscaling wakes an agent without pods, although no HorizontalPodAutoscaler does', async () => {
  const namespace = await server.namespace('asleep');
  await apply(namespace, { replicas: 0 });
  await server.until<Managed>(deploymentPath(namespace), (found) => found.spec.replicas === 0);
  await apply(namespace, { replicas: 0, autoscaling: { minReplicas: 2, maxReplicas: 9 } });
  await server.until<Managed>(deploymentPath(namespace), (found) => found.spec.replicas === 2);
});

it('the operator follows the scale of the agent while autoscaling is off, and says why not while it is on', async () => {
  const namespace = await server.namespace('scale');
  await apply(namespace, {});
  await server.until<AgentDeployment>(
    agentPath(namespace),
    (agent) => scaling(agent) === 'False AutoscalingOff',
  );
  await scale(agentPath(namespace), 5);
  await server.until<Managed>(deploymentPath(namespace), (found) => found.spec.replicas === 5);
  const { body } = await server.request<{ status: { selector: string } }>(
    'GET',
    `${agentPath(namespace)}/scale`,
  );
  expect(body.status.selector).toBe(
    'app.kubernetes.io/name=breakwater-agent,breakwater.dev/agent=one',
  );

  await apply(namespace, { autoscaling: { minReplicas: 2, maxReplicas: 9 } });
  await server.until<AgentDeployment>(
    agentPath(namespace),
    (agent) => scaling(agent) === 'Unknown Pending',
  );
  const report = (status: string, reason: string, message: string): Promise<unknown> =>
    server.request('PATCH', `${autoscalerPath(namespace)}/status`, {
      contentType: MERGE,
      body: {
        status: {
          desiredReplicas: 5,
          currentReplicas: 5,
          conditions: [{ type: 'ScalingActive', status, reason, message }],
        },
      },
    });
  await server.until(autoscalerPath(namespace));
  await report('False', 'FailedGetResourceMetric', 'no metrics returned');
  const failing = await server.until<AgentDeployment>(
    agentPath(namespace),
    (agent) => scaling(agent) === 'False FailedGetResourceMetric',
  );
  expect(JSON.stringify(failing.status?.conditions)).toContain('no metrics returned');

  await report('True', 'ValidMetricFound', 'the HPA was able to calculate a replica count');
  await scale(agentPath(namespace), 8);
  const ignored = await server.until<AgentDeployment>(
    agentPath(namespace),
    (agent) => scaling(agent) === 'True ValidMetricFound',
  );
  expect(JSON.stringify(ignored.status?.conditions)).toContain(
    'spec.replicas and kubectl scale have no effect',
  );
  expect(ignored.spec.replicas).toBe(8);
  expect(ignored.status?.summary?.ready).toBe('0/5');
  const { body: deployment } = await server.request<Managed>('GET', deploymentPath(namespace));
  expect(deployment.spec.replicas).toBe(5);
});
