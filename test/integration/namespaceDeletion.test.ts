import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PORTS } from '../../contract/link.ts';
import { snapshot } from '../../operator/testing/messages.ts';
import { PodServer } from '../../operator/testing/podServer.ts';
import { waitFor } from '../cluster/common/step.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { type ApiServer, START_TIMEOUT, startApiServer } from './apiserver.ts';
import { makePod } from './linkedPod.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const WAIT_MS = 60_000;
const HOST = '127.0.52.1';

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

it('a pod is told that its namespace is deleted, and not of its own deletion', async () => {
  const namespace = await server.namespace('gone');
  const core = (rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`;
  const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
  const agent = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/one`;
  await server.apply(agent, {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'one' },
    spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] } },
  });
  const made = [core('serviceaccounts/one'), core('configmaps/one-configuration'), deployment];
  await waitFor('the agent has its objects', WAIT_MS, async () => {
    const found = await Promise.all(made.map((path) => server.get(path)));
    return found.every((object) => object !== undefined);
  });
  const secret = '/api/v1/namespaces/breakwater-system/secrets/breakwater-authority';
  const { data } = (await server.get<{ data: Record<string, string> }>(secret))!;
  const pem = Buffer.from(data['tls.crt']!, 'base64').toString();
  const pod = await PodServer.start(pem, { port: PORTS.control, host: HOST });
  /** What the controllers of Kubernetes report, here with the pod and there without. */
  const report = (replicas: number): Promise<unknown> =>
    server.request('PATCH', `${deployment}/status`, {
      contentType: 'application/merge-patch+json',
      body: { status: { replicas } },
    });
  try {
    const chain = await replicaSetOf(server, namespace, 'one');
    const { ip, hello } = await makePod(server, namespace, 'last', HOST, chain);
    const target = { apiVersion: 'v1', kind: 'Node', name: 'local' };
    await server.request('POST', core('pods/last/binding'), {
      body: { metadata: { name: 'last' }, target },
    });
    await waitFor('the pod is dialled', WAIT_MS, () => pod.linkTo(ip) !== undefined);
    const link = pod.linkTo(ip)!;
    link.say(hello);
    link.say(snapshot(undefined));
    const told = (type: string): boolean => link.received.some((each) => each.type === type);
    await waitFor('it gets its configuration', WAIT_MS, () => told('Configure'));
    await server.request('DELETE', core('pods/last'), { body: { gracePeriodSeconds: 300 } });
    // Another configuration comes after what the operator made of the deletion.
    await report(1);
    const configured = link.received.length;
    await server.request('PATCH', agent, {
      contentType: 'application/merge-patch+json',
      body: { spec: { timeouts: { request: '1m' } } },
    });
    await waitFor('it gets another', WAIT_MS, () =>
      link.received.slice(configured).some(({ type }) => type === 'Configure'),
    );
    expect(told('NamespaceDeleted')).toBe(false);
    await server.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await report(0);
    await waitFor('it is told', WAIT_MS, () => told('NamespaceDeleted'));
  } finally {
    await pod.stop();
  }
}, 90_000);
