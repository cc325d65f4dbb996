import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { snapshot } from '../../operator/testing/messages.ts';
import { PodServer } from '../../operator/testing/podServer.ts';
import { waitFor } from '../cluster/common/step.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { makePod } from './linkedPod.ts';
import { type ApiServer, START_TIMEOUT, startApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const WAIT_MS = 60_000;
const MERGE = 'application/merge-patch+json';
const SECRET = '/api/v1/namespaces/breakwater-system/secrets/breakwater-authority';

let server: ApiServer;
let operator: TestOperator;

beforeAll(async () => {
  server = await startApiServer();
  operator = await startOperator(server, { rotation: { checkMs: 500 } });
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

const agentPath = (namespace: string): string =>
  `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
const core = (namespace: string, rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`;

async function makeAgent(): Promise<string> {
  const namespace = await server.namespace('untrusted');
  await server.apply(agentPath(namespace), {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] } },
  });
  const made = ['serviceaccounts/one', 'configmaps/one-configuration'];
  await waitFor('the agent has its objects', WAIT_MS, async () => {
    const found = await Promise.all(made.map((rest) => server.get(core(namespace, rest))));
    return found.every((object) => object !== undefined);
  });
  return namespace;
}

async function authority(): Promise<string> {
  const secret = await server.get<{ data: Record<string, string> }>(SECRET);
  return Buffer.from(secret!.data['tls.crt']!, 'base64').toString();
}

describe('a pod with the labels of an agent', () => {
  it('counts as a replica only if its owners lead to the Deployment and its account is the agent’s', async () => {
    const namespace = await makeAgent();
    await server.request('POST', core(namespace, 'serviceaccounts'), {
      body: { metadata: { name: 'other' } },
    });
    const pem = await authority();
    const hosts = [1, 2, 3, 4].map((n) => `127.0.51.${n}`);
    const pods = await Promise.all(
      hosts.map((host) => PodServer.start(pem, { port: PORTS.control, host })),
    );
    const dialled = (): string[] =>
      pods.flatMap(({ connections }) => connections.map(({ address }) => address));
    try {
      const chain = await replicaSetOf(server, namespace, 'one');
      const [owner] = chain.ownerReferences;
      const uid = '00000000-0000-4000-8000-000000000000';
      await makePod(server, namespace, 'no-owner', '127.0.51.1', {});
      await makePod(server, namespace, 'forged', '127.0.51.2', {
        ownerReferences: [{ ...owner!, uid }],
      });
      await makePod(server, namespace, 'other-account', '127.0.51.3', chain, 'other');
      const honest = await makePod(server, namespace, 'honest', '127.0.51.4', chain);
      await waitFor('the honest pod is dialled', WAIT_MS, () => dialled().includes(honest.ip));
      const link = pods[3]!.linkTo(honest.ip)!;
      link.say(honest.hello);
      link.say(snapshot(undefined));
      await waitFor('it gets its configuration', WAIT_MS, () =>
        link.received.some(({ type }) => type === 'Configure'),
      );
      expect(dialled()).toEqual([honest.ip]);
      const { status } = (await server.get<AgentDeployment>(agentPath(namespace)))!;
      expect(JSON.stringify(status)).not.toMatch(/no-owner|forged|other-account/);
    } finally {
      for (const pod of pods) await pod.stop();
    }
  }, 60_000);
});

describe('a ServiceAccount of somebody else with the name of the agent', () => {
  const deployment = (namespace: string): string =>
    `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
  const foreign = { metadata: { name: 'one', annotations: { purpose: 'other' } } };
  const untilSaid = (namespace: string): Promise<unknown> =>
    waitFor('the agent says so', WAIT_MS, async () => {
      const agent = await server.get<AgentDeployment>(agentPath(namespace));
      const ready = agent?.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.reason === 'NameTaken' && ready.message.includes('No pod of the agent runs');
    });
  const spec = {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] } },
  };

  it('keeps the agent from getting a Deployment', async () => {
    const namespace = await server.namespace('account');
    await server.request('POST', core(namespace, 'serviceaccounts'), { body: foreign });
    await server.apply(agentPath(namespace), spec);
    await untilSaid(namespace);
    // The Service comes after the Deployment would.
    await waitFor('it has a Service', WAIT_MS, () => server.get(core(namespace, 'services/one')));
    expect(await server.get(deployment(namespace))).toBeUndefined();
  }, 60_000);

  it('scales the agent’s Deployment to 0 until the ServiceAccount is gone', async () => {
    const namespace = await makeAgent();
    interface Scaled {
      spec: { replicas: number };
    }
    const replicas = async (): Promise<number | undefined> =>
      (await server.get<Scaled>(deployment(namespace)))?.spec.replicas;
    await waitFor('it has a Deployment', WAIT_MS, async () => (await replicas()) === 1);
    const account = core(namespace, 'serviceaccounts/one');
    const body = { metadata: { ownerReferences: null, labels: null } };
    await server.request('PATCH', account, { contentType: MERGE, body });
    await untilSaid(namespace);
    await waitFor('it has no pods', WAIT_MS, async () => (await replicas()) === 0);
    await server.request('DELETE', account);
    await server.apply(agentPath(namespace), {
      ...spec,
      spec: { ...spec.spec, disruption: { maxUnavailable: 2 } },
    });
    await waitFor('it has pods again', WAIT_MS, async () => (await replicas()) === 1);
  }, 60_000);
});

describe('the authority of the links', () => {
  it.each([
    ['its Secret is deleted', () => server.request('DELETE', SECRET)],
    [
      'its Secret is annotated',
      () =>
        server.request('PATCH', SECRET, {
          contentType: MERGE,
          body: { metadata: { annotations: { 'breakwater.dev/revoke': 'stolen' } } },
        }),
    ],
  ])(
    'is replaced after %s, and pods then trust only the new one',
    async (_how, revoke) => {
      const namespace = await makeAgent();
      const known = async (): Promise<string> => {
        const path = core(namespace, 'configmaps/one-configuration');
        return (await server.get<{ data: Record<string, string> }>(path))!.data[
          'authority.pem'
        ]!.trim();
      };
      const stolen = (await authority()).trim();
      expect(await known()).toContain(stolen);
      await revoke();
      await waitFor(
        'pods know another one',
        WAIT_MS,
        async () => !(await known()).includes(stolen),
      );
      expect(await known()).toBe((await authority()).trim());
      const secret = await server.get<KubernetesObject>(SECRET);
      expect(secret?.metadata.annotations).toBeUndefined();
    },
    60_000,
  );
});

describe('an agent whose ConfigMap and status hold the highest possible term', () => {
  it('gets a usual term from the next leader', async () => {
    const namespace = await makeAgent();
    const path = core(namespace, 'configmaps/one-configuration');
    const stored = async (): Promise<{ revision: { term: number; counter: number } }> => {
      const { data } = (await server.get<{ data: Record<string, string> }>(path))!;
      return JSON.parse(data['configuration.json']!) as Awaited<ReturnType<typeof stored>>;
    };
    await operator.stop();
    const top = Number.MAX_SAFE_INTEGER;
    const poisoned = { ...(await stored()), revision: { term: top, counter: top } };
    await server.request('PATCH', path, {
      contentType: MERGE,
      body: { data: { 'configuration.json': JSON.stringify(poisoned) } },
    });
    const revision = `${top}-${top}`;
    await server.request('PATCH', `${agentPath(namespace)}/status`, {
      contentType: MERGE,
      body: { status: { configuration: { revision } } },
    });
    operator = await startOperator(server, { rotation: { checkMs: 500 } });
    await waitFor('the stored term is a usual one', WAIT_MS, async () => {
      const { term, counter } = (await stored()).revision;
      return term < 1_000 && counter < 1_000;
    });
    await waitFor('so is that in the status', WAIT_MS, async () => {
      const agent = await server.get<AgentDeployment>(agentPath(namespace));
      return !agent?.status?.configuration?.revision?.startsWith(String(top));
    });
  }, 60_000);
});
