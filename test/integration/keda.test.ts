import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { kedaDefinitions } from '../keda/program.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';
/** Number of pods that a user has set. */
const PODS = 5;
const LOAD = { target: 50, prometheus: { serverAddress: 'http://prometheus.monitoring:9090' } };

interface Scaled extends KubernetesObject {
  spec: { replicas: number; maxReplicaCount: number };
}

let server: ApiServer;
let operator: TestOperator;
let namespace: string;
let definition: KubernetesObject;
let paths: Record<'agent' | 'deployment' | 'hpa' | 'ofKeda' | 'scaledObject', string>;

beforeAll(async () => {
  server = await startApiServer();
  const [file] = await kedaDefinitions();
  definition = parse(readFileSync(file!, 'utf8')) as KubernetesObject;
  operator = await startOperator(server, { discoveryIntervalMs: 1_000 });
  namespace = await server.namespace('keda');
  const scalers = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`;
  paths = {
    agent: `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/triage`,
    deployment: `/apis/apps/v1/namespaces/${namespace}/deployments/triage`,
    hpa: `${scalers}/triage`,
    ofKeda: `${scalers}/keda-hpa-triage`,
    scaledObject: `/apis/keda.sh/v1alpha1/namespaces/${namespace}/scaledobjects/triage`,
  };
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

const applyAgent = (inFlight?: object, rest: object = {}): Promise<unknown> =>
  server.apply(paths.agent, {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'triage' },
    spec: {
      model: { endpoints: [{ name: 'primary', model: 'some-model' }] },
      autoscaling: { minReplicas: 2, maxReplicas: 9, ...(inFlight && { inFlight }), ...rest },
    },
  });

async function patch(path: string, body: object): Promise<void> {
  const { status } = await server.request('PATCH', path, { contentType: MERGE, body });
  expect(status).toBe(200);
}

const untilCondition = (type: string, expected: string | undefined): Promise<AgentDeployment> =>
  server.until<AgentDeployment>(paths.agent, (agent) => {
    const found = agent.status?.conditions?.find((one) => one.type === type);
    return (found && `${found.status} ${found.reason}`) === expected;
  });

/** Does KEDA's part: adds its finalizer to a ScaledObject and makes a HorizontalPodAutoscaler. */
async function playKeda(): Promise<void> {
  await patch(paths.scaledObject, { metadata: { finalizers: ['finalizer.keda.sh'] } });
  const { metadata } = (await server.get<KubernetesObject>(paths.scaledObject))!;
  const { status } = await server.request('POST', paths.ofKeda.replace(/\/[^/]*$/, ''), {
    body: {
      metadata: {
        name: 'keda-hpa-triage',
        labels: metadata.labels,
        ownerReferences: [
          {
            ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'triage' },
            ...{ uid: metadata.uid, controller: true, blockOwnerDeletion: true },
          },
        ],
      },
      spec: {
        maxReplicas: 9,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'triage' },
      },
    },
  });
  expect(status).toBe(201);
}

/** Checks that the number of pods is unchanged and that none was replaced. */
async function expectPodsKept(): Promise<void> {
  const { spec, metadata } = (await server.get<Scaled>(paths.deployment))!;
  expect([spec.replicas, metadata.generation]).toEqual([PODS, generation]);
}

let generation: number | undefined;

const install = (): Promise<unknown> =>
  server.apply(`${CRDS}/${definition.metadata.name}`, definition);

describe('scaling by load', () => {
  it('falls back to CPU and memory while KEDA is not installed, and the agent and an Event say so', async () => {
    await applyAgent(LOAD);
    await server.until(paths.hpa);
    await untilCondition('ScaledByLoad', 'False NotInstalled');
    const events = await server.until<{ items: { reason: string }[] }>(
      `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      (found) => found.items.some(({ reason }) => reason === 'KedaNotInstalled') === true,
    );
    expect(events.items.filter(({ reason }) => reason === 'KedaNotInstalled')).toHaveLength(1);
    await patch(`${paths.deployment}/scale`, { spec: { replicas: PODS } });
    const { metadata } = await server.until<Scaled>(
      paths.deployment,
      (found) => found.spec.replicas === PODS,
    );
    generation = metadata.generation;
  });

  it('passes to a ScaledObject once KEDA is installed and the HorizontalPodAutoscaler is gone', async () => {
    await patch(paths.hpa, { metadata: { finalizers: ['example.com/slow'] } });
    await install();
    await server.until<KubernetesObject>(
      paths.hpa,
      (found) => found.metadata.deletionTimestamp !== undefined,
    );
    await untilCondition('ScaledByLoad', 'True ScaledObject');
    expect(await server.get(paths.scaledObject)).toBeUndefined();

    await patch(paths.hpa, { metadata: { finalizers: null } });
    const { metadata } = await server.until<KubernetesObject>(paths.scaledObject);
    expect(metadata.ownerReferences).toMatchObject([{ name: 'triage', controller: true }]);
    expect(await server.get(paths.hpa)).toBeUndefined();
    await expectPodsKept();
  });

  it('restores a changed ScaledObject, and shows its conditions in the status', async () => {
    await playKeda();
    await patch(paths.scaledObject, { spec: { maxReplicaCount: 50 } });
    await server.until<Scaled>(paths.scaledObject, (found) => found.spec.maxReplicaCount === 9);
    await untilCondition('ScalingManaged', 'Unknown Pending');
    const report = (path: string, type: string, status: string, reason: string): Promise<void> =>
      patch(`${path}/status`, {
        status: {
          ...(path === paths.ofKeda && { desiredReplicas: PODS, currentReplicas: PODS }),
          conditions: [{ type, status, reason, message: 'as it is' }],
        },
      });
    await report(paths.ofKeda, 'ScalingActive', 'True', 'ValidMetricFound');
    await untilCondition('ScalingManaged', 'True ValidMetricFound');
    await report(paths.scaledObject, 'Ready', 'False', 'TriggerError');
    const failing = await untilCondition('ScalingManaged', 'False TriggerError');
    expect(JSON.stringify(failing.status?.conditions)).toContain('as it is');
    await report(paths.scaledObject, 'Ready', 'True', 'ScaledObjectReady');
    await untilCondition('ScalingManaged', 'True ValidMetricFound');
    // The operator must not remove KEDA's object meanwhile.
    expect(await server.get(paths.ofKeda)).toBeDefined();
  });

  it('passes back to CPU and memory if the spec no longer asks for it, even while KEDA does not answer', async () => {
    await applyAgent();
    await server.until<KubernetesObject>(
      paths.scaledObject,
      (found) => found.metadata.deletionTimestamp !== undefined,
    );
    await server.untilGone(paths.ofKeda);
    await server.until(paths.hpa);
    await untilCondition('ScaledByLoad', undefined);
    await expectPodsKept();
    await patch(paths.scaledObject, { metadata: { finalizers: null } });
    await server.untilGone(paths.scaledObject);
  });

  it('removes the HorizontalPodAutoscaler of KEDA after KEDA is uninstalled', async () => {
    await applyAgent(LOAD);
    await server.until(paths.scaledObject);
    await playKeda();
    await patch(paths.scaledObject, { metadata: { finalizers: null } });
    await server.request('DELETE', `${CRDS}/${definition.metadata.name}`);
    await untilCondition('ScaledByLoad', 'False NotInstalled');
    await server.untilGone(paths.ofKeda);
    await server.until(paths.hpa);
    await expectPodsKept();
  });

  it('builds a ScaledObject that the API server accepts', async () => {
    await install();
    await server.until(paths.scaledObject);
    const file = '../../operator/desired/testdata/without-bounds/scaledObject.golden.yaml';
    const golden = parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as KubernetesObject;
    const { status, body } = await server.request<KubernetesObject>(
      'PATCH',
      paths.scaledObject.replace(/triage$/, 'golden'),
      {
        query: { fieldManager: 'test', dryRun: 'All', fieldValidation: 'Strict' },
        contentType: 'application/apply-patch+yaml',
        body: { ...golden, metadata: { ...golden.metadata, name: 'golden', namespace } },
      },
    );
    expect({ status, body }).toMatchObject({ status: 201, body: { kind: 'ScaledObject' } });
  });
});
