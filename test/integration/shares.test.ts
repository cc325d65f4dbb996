import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { loadClusterConfig, type ConfigMap, type Lease } from '../../operator/kube/index.ts';
import { START_TIMEOUT, startApiServer, type ApiServer } from './apiserver.ts';
import { installChart, type ChartInstallation } from './chartInstallation.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const NAMESPACES = ['team', 'other'];
const SHARE = 'example.com/share';
/** Two installations watch the same namespaces. Each manages the objects with its label. */
const SELECTORS = {
  east: { matchLabels: { [SHARE]: 'east' } },
  west: { matchExpressions: [{ key: SHARE, operator: 'In', values: ['west', 'north'] }] },
};
type Side = keyof typeof SELECTORS;

let server: ApiServer;
const installations = new Map<Side, ChartInstallation>();
const operators = new Map<Side, TestOperator>();

beforeAll(async () => {
  server = await startApiServer();
  for (const name of NAMESPACES)
    await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  for (const [side, watchSelector] of Object.entries(SELECTORS) as [Side, object][]) {
    const installation = await installChart(server, side, `${side}-system`, {
      ...{ watchNamespaces: NAMESPACES, watchSelector },
    });
    installations.set(side, installation);
    const cluster = await loadClusterConfig({ env: {}, kubeconfig: installation.kubeconfig });
    const { settings } = installation;
    operators.set(side, await startOperator(server, { cluster, settings }));
  }
}, START_TIMEOUT);

afterAll(async () => {
  for (const operator of operators.values()) await operator.stop();
  for (const installation of installations.values()) await installation.remove();
  await server?.stop();
});

const ours = (namespace: string, plural: string, name: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/${plural}/${name}`;

async function make(namespace: string, name: string, share?: string): Promise<void> {
  const metadata = { name, labels: share === undefined ? {} : { [SHARE]: share } };
  const apiVersion = 'breakwater.dev/v1alpha1';
  await server.apply(ours(namespace, 'agentdeployments', name), {
    ...{ apiVersion, kind: 'AgentDeployment', metadata },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] } },
  });
  await server.apply(ours(namespace, 'circuitbreakerpolicies', name), {
    ...{ apiVersion, kind: 'CircuitBreakerPolicy', metadata },
    spec: { targetRefs: [{ name }], scope: 'Pod' },
  });
}

/** Waits until the agent's pods trust the operator of this installation. */
async function lookedAfterBy(side: Side, namespace: string, name: string): Promise<void> {
  const secret = `/api/v1/namespaces/${side}-system/secrets/breakwater-authority`;
  const { data } = (await server.get<{ data: Record<string, string> }>(secret))!;
  const authority = Buffer.from(data['tls.crt']!, 'base64').toString().trim();
  await server.until<ConfigMap>(
    `/api/v1/namespaces/${namespace}/configmaps/${name}-configuration`,
    (found) => Object.values(found.data ?? {}).some((text) => text.includes(authority)),
  );
  for (const plural of ['agentdeployments', 'circuitbreakerpolicies'])
    await server.until<AgentDeployment>(
      ours(namespace, plural, name),
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
}

describe('two installations with disjoint shares of the same namespaces', () => {
  it('lead at the same time, each for its own agents and policies', async () => {
    await make('team', 'one', 'east');
    await make('team', 'two', 'west');
    await make('other', 'one', 'west');
    await make('team', 'none');
    await lookedAfterBy('east', 'team', 'one');
    await lookedAfterBy('west', 'team', 'two');
    await lookedAfterBy('west', 'other', 'one');
    for (const side of ['east', 'west']) {
      const lease = `/apis/coordination.k8s.io/v1/namespaces/${side}-system/leases/${side}`;
      const { spec } = (await server.get<Lease>(lease))!;
      expect(spec?.holderIdentity).toMatch(new RegExp(`^${side}_`));
    }
    for (const plural of ['agentdeployments', 'circuitbreakerpolicies'])
      expect(
        (await server.get<AgentDeployment>(ours('team', plural, 'none')))!.status,
      ).toBeUndefined();
  });

  it('hand over an agent with its objects when its label changes', async () => {
    const deployment = '/apis/apps/v1/namespaces/team/deployments/one';
    const before = (await server.get<KubernetesObject>(deployment))!.metadata;
    await make('team', 'one', 'north');
    await lookedAfterBy('west', 'team', 'one');
    // The former installation continues with its other agents.
    await make('other', 'three', 'east');
    await lookedAfterBy('east', 'other', 'three');
    await lookedAfterBy('west', 'team', 'one');
    const { uid, generation } = (await server.get<KubernetesObject>(deployment))!.metadata;
    expect({ uid, generation }).toEqual({ uid: before.uid, generation: before.generation });
  });

  it('log no warning', () => {
    for (const { warnings } of operators.values()) expect(warnings).toEqual([]);
  });
});
