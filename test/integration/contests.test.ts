import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { REPAIRS } from '../../operator/reconcile/repairs.ts';
import { settingsFrom } from '../../operator/settings.ts';
import {
  KubeClient,
  loadClusterConfig,
  Transport,
  type Deployment,
  type Event,
  type KubernetesObject,
  type Resource,
} from '../../operator/kube/index.ts';
import { AgentDeployments, CircuitBreakerPolicies } from '../../operator/resources/resources.ts';
import { snapshot } from '../../operator/testing/messages.ts';
import { PodServer } from '../../operator/testing/podServer.ts';
import { waitFor } from '../cluster/common/step.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { makePod } from './linkedPod.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const MERGE = 'application/merge-patch+json';
/** Between two looks of a writer at what it wants otherwise. */
const LOOK_MS = 10;
/** Repairs at once, and those of the next seconds. */
const FEW = 10;
const WAIT_MS = 60_000;
const POD_IP = '127.0.53.1';

let server: ApiServer;
let operator: TestOperator;

beforeAll(async () => {
  server = await startApiServer();
  operator = await startOperator(server);
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

const agentPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
const deploymentPath = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
const networkPath = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/one`;
const breakerPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/circuitbreakerpolicies/one`;

const agent = (spec: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name: 'one' },
  spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, ...spec },
});

const breaker = (seconds = 30): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: { name: 'one' },
  spec: { targetRefs: [{ name: 'one' }], scope: 'Pod', openDuration: `${seconds}s` },
});

async function eventsIn(namespace: string): Promise<Event[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  return (await server.get<{ items: Event[] }>(path))!.items;
}

/** Settings of an operator as the chart sets them. */
const settingsOf = (namespace: string, image: string): ReturnType<typeof settingsFrom> =>
  settingsFrom({
    ...{ POD_NAMESPACE: namespace, POD_NAME: 'operator', RUNTIME_IMAGE: image },
    ...{ METRICS_PORT: '0', HEALTH_PORT: '0', DEBUG_PORT: '0' },
  });

/** The message of Degraded, once another writer contests an object. */
async function untilContested(namespace: string): Promise<string> {
  const { status } = await server.until<AgentDeployment>(agentPath(namespace), (object) =>
    (object.status?.conditions ?? []).some(({ reason }) => reason === 'ObjectContested'),
  );
  return status!.conditions!.find(({ type }) => type === 'Degraded')!.message;
}

/** Acts again and again until it is stopped. `act` answers whether it had to do something. */
function contend(act: () => Promise<boolean>): { times: () => number; stop: () => Promise<void> } {
  const end = new AbortController();
  let times = 0;
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      if (await act()) times += 1;
      await pause(LOOK_MS);
    }
  };
  const running = run();
  return {
    times: () => times,
    stop: () => {
      end.abort();
      return running;
    },
  };
}

const scale = async (namespace: string): Promise<boolean> => {
  const found = await server.get<Deployment>(deploymentPath(namespace));
  if (found === undefined || found.spec.replicas === 7) return false;
  const query = { fieldManager: 'scaler' };
  const body = { spec: { replicas: 7 } };
  await server.request('PATCH', deploymentPath(namespace), { query, contentType: MERGE, body });
  return true;
};

describe('a writer', () => {
  it('that changes a field again and again is reported with the field, and corrected less and less often', async () => {
    const namespace = await server.namespace('contested');
    await server.apply(agentPath(namespace), agent());
    await server.until(deploymentPath(namespace));
    const scaler = contend(() => scale(namespace));
    expect(await untilContested(namespace)).toContain(
      'Another writer changes .spec.replicas of Deployment one again and again',
    );
    expect(scaler.times()).toBeLessThan(FEW);

    // An edit of the spec does not wait.
    const edited = { podTemplate: { metadata: { labels: { 'example.com/a': 'b' } } } };
    await server.apply(agentPath(namespace), agent(edited));
    await server.until<Deployment>(
      deploymentPath(namespace),
      ({ spec }) => spec.template.metadata?.labels?.['example.com/a'] === 'b',
    );
    await scaler.stop();
    await server.until<Deployment>(deploymentPath(namespace), ({ spec }) => spec.replicas === 1);
    const events = await eventsIn(namespace);
    expect(events.map(({ reason }) => reason)).toContain('ObjectContested');
  });

  it('that deletes an object again and again is reported, and corrected less and less often', async () => {
    const namespace = await server.namespace('contested');
    await server.apply(agentPath(namespace), agent());
    await server.until(networkPath(namespace));
    const deleter = contend(async () => {
      const { status } = await server.request('DELETE', networkPath(namespace));
      return status === 200;
    });
    expect(await untilContested(namespace)).toContain(
      'NetworkPolicy one is deleted again and again',
    );
    expect(deleter.times()).toBeLessThan(FEW);
    await deleter.stop();
    await server.until(networkPath(namespace));
  });
});

/** A pod of the agent that accepts only the first installation, and confirms each configuration at once. */
async function startPod(namespace: string): Promise<{ stop: () => Promise<void> }> {
  const secret = '/api/v1/namespaces/breakwater-system/secrets/breakwater-authority';
  const { data } = (await server.get<{ data: Record<string, string> }>(secret))!;
  const authority = Buffer.from(data['tls.crt']!, 'base64').toString();
  const pods = await PodServer.start(authority, { port: PORTS.control, host: POD_IP });
  const owner = await replicaSetOf(server, namespace, 'one');
  await server.until(`/api/v1/namespaces/${namespace}/serviceaccounts/one`);
  const pod = await makePod(server, namespace, 'one-1', POD_IP, owner);
  const said = new Map<object, string>();
  const answer = contend(() => {
    for (const link of pods.connections) {
      if (!said.has(link)) link.say(pod.hello);
      const configured = link.received.findLast((command) => command.type === 'Configure');
      const hash = configured?.configuration.hash;
      if (said.get(link) === (hash ?? '')) continue;
      said.set(link, hash ?? '');
      link.say(snapshot(hash));
    }
    return Promise.resolve(false);
  });
  return { stop: () => answer.stop().then(() => pods.stop()) };
}

/** All versions of the agents and policies in a namespace from now on, as JSON. */
async function watchVersions(
  namespace: string,
): Promise<{ of: (kind: string) => string[]; stop: () => Promise<void> }> {
  const config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  const transport = new Transport({ config, registry: new Registry() });
  const client = new KubeClient(transport);
  const end = new AbortController();
  const versions: { kind: string; text: string }[] = [];
  const watch = async <T extends KubernetesObject>(
    resource: Resource<T, 'watch'>,
  ): Promise<void> => {
    const options = { namespace, timeoutSeconds: 600, signal: end.signal };
    for await (const { object } of client.watch(resource, options))
      versions.push({ kind: resource.kind, text: JSON.stringify(object) });
  };
  const watching = Promise.allSettled([watch(AgentDeployments), watch(CircuitBreakerPolicies)]);
  return {
    of: (kind) => versions.filter((version) => version.kind === kind).map(({ text }) => text),
    stop: async () => {
      end.abort();
      await watching;
      await transport.close();
    },
  };
}

const contestedMessage = ({ status }: CircuitBreakerPolicy): string =>
  status?.conditions?.find(({ type }) => type === 'Contested')?.message ?? '';

describe('two installations with the same agents', () => {
  let second: TestOperator;

  beforeAll(async () => {
    const namespace = 'second-system';
    const body = { metadata: { name: namespace } };
    await server.request('POST', '/api/v1/namespaces', { body });
    second = await startOperator(server, { settings: settingsOf(namespace, 'runtime:2') });
  });

  afterAll(() => second?.stop());

  it('say so, and do not overwrite each other at full speed', async () => {
    const namespace = await server.namespace('overlap');
    await server.apply(agentPath(namespace), agent());
    expect(await untilContested(namespace)).toContain(
      'give each installation of Breakwater its own agents',
    );
    const generation = async (): Promise<number> =>
      (await server.get<Deployment>(deploymentPath(namespace)))?.metadata.generation ?? 0;
    expect(await generation()).toBeLessThan(3 * FEW);
  });

  it('say so in the status of agents and policies, which they write less and less often', async () => {
    const namespace = await server.namespace('overlap');
    await server.apply(agentPath(namespace), agent());
    await server.apply(breakerPath(namespace), breaker());
    const pod = await startPod(namespace);
    const versions = await watchVersions(namespace);
    try {
      await waitFor('both statuses say so', WAIT_MS, () =>
        ['AgentDeployment', 'CircuitBreakerPolicy'].every((kind) =>
          versions.of(kind).some((version) => version.includes(`.status of ${kind} one`)),
        ),
      );
      const managed = JSON.stringify(
        (await server.get<CircuitBreakerPolicy>(breakerPath(namespace)))!.metadata,
      );
      for (const installation of ['second-system', 'breakwater-system'])
        expect(managed).toContain(`breakwater:${installation}/breakwater-operator`);
      expect(versions.of('CircuitBreakerPolicy').length).toBeLessThan(4 * FEW);
      expect(versions.of('AgentDeployment').length).toBeLessThan(8 * FEW);
      await waitFor('an Event names the policy', WAIT_MS, async () =>
        (await eventsIn(namespace)).some(
          ({ reason, regarding }) =>
            reason === 'ObjectContested' && regarding?.kind === 'CircuitBreakerPolicy',
        ),
      );
    } finally {
      await versions.stop();
      await pod.stop();
    }
  });
});

describe('one installation', () => {
  it('contests nothing when standbys take over one after the other, each of a newer version', async () => {
    const namespace = await server.namespace('upgrades');
    await server.apply(agentPath(namespace), agent());
    for (let version = 2; version <= REPAIRS.prompt + 2; version += 1) {
      const settings = settingsOf('breakwater-system', `runtime:${version}`);
      const standby = await startOperator(server, { settings });
      await server.apply(breakerPath(namespace), breaker(30 + version));
      await operator.stop();
      operator = standby;
      await server.apply(agentPath(namespace), agent({ replicas: version }));
      const paths = [agentPath(namespace), breakerPath(namespace)];
      for (const path of paths)
        await server.until<CircuitBreakerPolicy>(
          path,
          ({ metadata, status }) => status?.observedGeneration === metadata.generation,
        );
    }
    expect(contestedMessage((await server.get(breakerPath(namespace)))!)).toBe('');
    const reasons = (await eventsIn(namespace)).map(({ reason }) => reason);
    expect(reasons).not.toContain('ObjectContested');
  });
});
