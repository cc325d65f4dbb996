import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { settingsFrom } from '../../operator/settings.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const WAIT = 60_000;
const AGENTS = 20;
const LIMIT = 5;

interface Deployment extends KubernetesObject {
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status?: { observedGeneration?: number; updatedReplicas?: number };
}

let server: ApiServer;
let operator: TestOperator | undefined;
let namespace: string;

beforeAll(async () => {
  server = await startApiServer();
  namespace = await server.namespace('upgrade');
}, START_TIMEOUT);

afterEach(async () => {
  await operator?.stop();
  operator = undefined;
});

afterAll(() => server?.stop());

async function lead(image: string): Promise<void> {
  await operator?.stop();
  operator = await startOperator(server, {
    settings: settingsFrom({
      ...{ POD_NAMESPACE: 'breakwater-system', POD_NAME: 'operator', RUNTIME_IMAGE: image },
      ...{ METRICS_PORT: '0', HEALTH_PORT: '0', DEBUG_PORT: '0' },
      RUNTIME_UPGRADE_CONCURRENCY: String(LIMIT),
    }),
  });
}

async function deployments(): Promise<Deployment[]> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  return (await server.request<{ items: Deployment[] }>('GET', path)).body.items;
}

const imageOf = ({ spec }: Deployment): string => spec.template.spec.containers[0]!.image;

/** Images that all pods run, by name of the agent. */
const running = new Map<string, string>();

const isRolling = (deployment: Deployment): boolean =>
  running.get(deployment.metadata.name) !== imageOf(deployment);

const isPending = ({ status }: AgentDeployment): boolean =>
  status?.conditions?.some(({ reason }) => reason === 'UpgradePending') ?? false;

/** Does what the Deployment's controller does when all new pods are ready. */
async function finish(deployment: Deployment): Promise<void> {
  const { metadata, spec } = deployment;
  const { replicas } = spec;
  running.set(metadata.name, imageOf(deployment));
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas };
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${metadata.name}/status`;
  const { status } = await server.request('PATCH', path, {
    contentType: 'application/merge-patch+json',
    body: {
      status: { observedGeneration: metadata.generation, availableReplicas: replicas, ...counts },
    },
  });
  expect(status).toBe(200);
}

/** The controller takes note of every change at once, of an annotation too. */
async function takeNote(all: readonly Deployment[]): Promise<void> {
  const changed = all.filter(
    (one) => !isRolling(one) && one.status?.observedGeneration !== one.metadata.generation,
  );
  await Promise.all(changed.map(finish));
}

async function apply(name: string, spec: object = {}): Promise<void> {
  const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/${name}`;
  await server.apply(path, {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, ...spec },
  });
}

/** The Deployments, once as many as are asked for roll to the image. */
async function rolling(image: string, count: number): Promise<Deployment[]> {
  let found: Deployment[] = [];
  await waitFor(`not ${count} agents roll to ${image}`, WAIT, async () => {
    const all = await deployments();
    found = all.filter(isRolling);
    expect(found.length).toBeLessThanOrEqual(LIMIT);
    await takeNote(all);
    return found.length === count && found.every((one) => imageOf(one) === image);
  });
  return found;
}

it('an upgrade restarts five of twenty agents at a time, also after a change of leader, and no Manual one', async () => {
  await lead('runtime:1');
  for (let index = 0; index < AGENTS; index += 1) await apply(`agent-${index}`);
  await apply('manual', { runtimeUpgrade: 'Manual' });
  await waitFor('not all agents have pods', WAIT, async () => {
    return (await deployments()).length === AGENTS + 1;
  });
  await Promise.all((await deployments()).map(finish));

  await lead('runtime:2');
  const [first, second] = await rolling('runtime:2', LIMIT);
  await waitFor('agents do not say that they wait', WAIT, async () => {
    await takeNote(await deployments());
    const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments`;
    const { items } = (await server.request<{ items: AgentDeployment[] }>('GET', path)).body;
    return items.filter(isPending).length === AGENTS - LIMIT;
  });
  await finish(first!);
  await rolling('runtime:2', LIMIT);

  await lead('runtime:2');
  // The new leader knows whose turn it is: the places are taken, until one more is done.
  await finish(second!);
  for (let left = AGENTS - 2; left > 0; left -= 1) {
    const [next] = await rolling('runtime:2', Math.min(LIMIT, left));
    await finish(next!);
  }
  const images = (await deployments()).map((one) => [one.metadata.name, imageOf(one)]);
  expect(Object.fromEntries(images)).toEqual({
    ...Object.fromEntries(Array.from({ length: AGENTS }, (_, i) => [`agent-${i}`, 'runtime:2'])),
    manual: 'runtime:1',
  });

  // Stripped of its labels it is the agent's all the same, and keeps its image.
  const manual = `/apis/apps/v1/namespaces/${namespace}/deployments/manual`;
  await server.request('PATCH', manual, {
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: null } },
  });
  await waitFor('the labels are not put back', WAIT, async () => {
    const { body } = await server.request<Deployment>('GET', manual);
    expect(imageOf(body)).toBe('runtime:1');
    return body.metadata.labels?.['breakwater.dev/agent'] === 'manual';
  });

  await apply('manual', { runtimeUpgrade: 'Automatic' });
  expect((await rolling('runtime:2', 1)).map(({ metadata }) => metadata.name)).toEqual(['manual']);
}, 180_000);
