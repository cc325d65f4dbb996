import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { settingsFrom } from '../../operator/settings.ts';
import type { Deployment, Event } from '../../operator/kube/index.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const MERGE = 'application/merge-patch+json';
/** Between two looks of a writer at what it wants otherwise. */
const LOOK_MS = 10;
/** Repairs at once, and those of the next seconds. */
const FEW = 10;

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
const policyPath = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/one`;

const agent = (spec: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name: 'one' },
  spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, ...spec },
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
  it('that changes a field again and again is named with the field, and corrected less and less often', async () => {
    const namespace = await server.namespace('contested');
    await server.apply(agentPath(namespace), agent());
    await server.until(deploymentPath(namespace));
    const scaler = contend(() => scale(namespace));
    expect(await untilContested(namespace)).toContain(
      '"scaler" changes .spec.replicas of Deployment one again and again',
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
    const events = await server.get<{ items: Event[] }>(
      `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    );
    expect(events!.items.map(({ reason }) => reason)).toContain('ObjectContested');
  });

  it('that deletes an object again and again is reported, and corrected less and less often', async () => {
    const namespace = await server.namespace('contested');
    await server.apply(agentPath(namespace), agent());
    await server.until(policyPath(namespace));
    const deleter = contend(async () => {
      const { status } = await server.request('DELETE', policyPath(namespace));
      return status === 200;
    });
    expect(await untilContested(namespace)).toContain(
      'NetworkPolicy one is deleted again and again',
    );
    expect(deleter.times()).toBeLessThan(FEW);
    await deleter.stop();
    await server.until(policyPath(namespace));
  });
});

describe('two installations with the same agents', () => {
  it('say so, and do not overwrite each other at full speed', async () => {
    const name = 'second-system';
    await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
    const settings = settingsFrom({
      ...{ POD_NAMESPACE: name, POD_NAME: 'second', RUNTIME_IMAGE: 'runtime:2' },
      ...{ METRICS_PORT: '0', HEALTH_PORT: '0', DEBUG_PORT: '0' },
    });
    const second = await startOperator(server, { settings });
    try {
      const namespace = await server.namespace('overlap');
      await server.apply(agentPath(namespace), agent());
      expect(await untilContested(namespace)).toContain(
        'Another installation of Breakwater changes',
      );
      const generation = async (): Promise<number> =>
        (await server.get<Deployment>(deploymentPath(namespace)))?.metadata.generation ?? 0;
      expect(await generation()).toBeLessThan(3 * FEW);
    } finally {
      await second.stop();
    }
  });
});
