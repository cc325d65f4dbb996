import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  EventRecorder,
  Events,
  Informer,
  isConflict,
  KubeClient,
  LeaderElector,
  Leases,
  loadClusterConfig,
  Transport,
} from '../../operator/kube/index.ts';
import { AgentDeployments, ConfigMaps } from '../../operator/resources/resources.ts';
import type { ApiError, ConfigMap, Event, KubernetesObject } from '../../operator/kube/index.ts';
import { waitFor } from '../cluster/common/step.ts';
import { unrestricted } from '../kit/unrestricted.ts';
import { START_TIMEOUT, startApiServer } from './apiserver.ts';
import type { ApiServer } from './apiserver.ts';

const WAIT_MS = 60_000;
const logger = pino({ level: 'silent' });
const apply = { fieldManager: 'breakwater-test' };

let server: ApiServer;
let transport: Transport;
let client: KubeClient;
let registry: Registry;
let namespace: string;
let running: AbortController;

beforeAll(async () => {
  server = await startApiServer();
  registry = new Registry();
  const config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  transport = new Transport({ config, registry });
  client = new KubeClient(transport);
}, START_TIMEOUT);

afterAll(async () => {
  await transport?.close();
  await server?.stop();
});

beforeEach(async () => {
  namespace = await server.namespace('kube');
  running = new AbortController();
});

afterEach(() => running.abort());

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const configMap = (name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, labels: { app: 'test' } },
  data,
});

const agent = (name: string): KubernetesObject & { spec: object } => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { namespace, name },
  spec: {
    model: {
      endpoints: [{ name: 'primary', baseURL: 'http://model', apiKeySecretRef: { name: 'key' } }],
    },
  },
});

describe('the client', () => {
  it('applies, reads, lists by page and selector, and deletes', async () => {
    for (const name of ['a', 'b', 'c']) {
      await client.apply(ConfigMaps, configMap(name, { name }), apply);
    }
    const read = await client.get(ConfigMaps, namespace, 'b');
    expect(read).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { name: 'b' } });
    const found = await client.list(ConfigMaps, { namespace, labelSelector: 'app=test', limit: 2 });
    expect(found.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ConfigMap', 'a'],
      ['ConfigMap', 'b'],
      ['ConfigMap', 'c'],
    ]);
    const other = { preconditions: { uid: 'another' } };
    const refused = await failure(client.delete(unrestricted(ConfigMaps), namespace, 'b', other));
    expect(isConflict(refused)).toBe(true);
    expect(await client.delete(unrestricted(ConfigMaps), namespace, 'b')).toBe(true);
    expect(await client.delete(unrestricted(ConfigMaps), namespace, 'b')).toBe(false);
    expect(await client.get(ConfigMaps, namespace, 'b')).toBeUndefined();
  });

  it('changes nothing if it applies the same object again', async () => {
    const first = await client.apply(ConfigMaps, configMap('a', { key: 'one' }), apply);
    const again = await client.apply(ConfigMaps, configMap('a', { key: 'one' }), apply);
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('names the field that the server refuses', async () => {
    const wrong = { ...agent('a'), spec: { model: { endpoints: [] } } };
    const refused = await failure(client.apply(unrestricted(AgentDeployments), wrong, apply));
    expect((refused as ApiError).status).toBe(422);
    expect((refused as ApiError).message).toContain('spec.model.endpoints');
  });

  it('replaces a status, and fails with a conflict if somebody else has changed it', async () => {
    const created = await client.apply(unrestricted(AgentDeployments), agent('a'), apply);
    const status = (image: string): KubernetesObject =>
      ({ ...created, status: { image } }) as never;
    const updated = await client.replaceStatus(AgentDeployments, status('one'));
    expect(updated.status?.image).toBe('one');
    const stale = await failure(client.replaceStatus(AgentDeployments, status('two')));
    expect(isConflict(stale)).toBe(true);
  });

  it('reviews a token', async () => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await server.request('POST', path, { body: { metadata: { name: 'robot' } } });
    const body = { spec: { audiences: ['breakwater.dev/control'], expirationSeconds: 600 } };
    const issued = await server.request<{ status: { token: string } }>(
      'POST',
      `${path}/robot/token`,
      {
        body,
      },
    );
    const { token } = issued.body.status;
    const review = await client.reviewToken(token, ['breakwater.dev/control']);
    expect(review.authenticated).toBe(true);
    expect(review.user?.username).toBe(`system:serviceaccount:${namespace}:robot`);
    expect((await client.reviewToken(token, ['elsewhere'])).authenticated).toBeFalsy();
  });

  it('reuses its connections', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        client.apply(ConfigMaps, configMap(`many-${i}`, {}), apply),
      ),
    );
    const counted = await registry.getSingleMetricAsString('rest_client_requests_total');
    expect(counted).toMatch(/rest_client_requests_total\{code="20[01]",method="PATCH"\} \d+/);
    // Seven for calls, one for the token review above, one for urgent requests.
    expect(transport.connections).toBeLessThanOrEqual(9);
  });
});

describe('an informer', () => {
  it.each([
    ['a list', false],
    ['a watch that begins with all objects', true],
  ])('follows objects from %s to their deletion', async (_, streams) => {
    await client.apply(ConfigMaps, configMap('early', { key: 'one' }), apply);
    let lists = 0;
    const informer = new Informer<ConfigMap>({
      client: {
        listPages: (...args) => {
          lists += 1;
          return client.listPages(...args);
        },
        watch: (...args) => client.watch(...args),
      },
      resource: ConfigMaps,
      namespace,
      labelSelector: 'app=test',
      streams,
    });
    const heard: string[] = [];
    informer.onChange((current, previous) => {
      heard.push(`${previous?.data?.['key'] ?? '-'} → ${current?.data?.['key'] ?? '-'}`);
    });
    informer.start(running.signal);
    await informer.synced;
    expect(heard).toEqual(['- → one']);
    expect(informer.get(namespace, 'early')?.metadata).not.toHaveProperty('managedFields');

    await client.apply(ConfigMaps, configMap('early', { key: 'two' }), apply);
    await client.delete(unrestricted(ConfigMaps), namespace, 'early');
    await waitFor('no deletion', WAIT_MS, () => heard.length === 3);
    expect(heard).toEqual(['- → one', 'one → two', 'two → -']);
    expect(informer.list()).toEqual([]);
    expect(lists).toBe(streams ? 0 : 1);
  });
});

describe('leader election', () => {
  it('gives a released Lease to the next process, with a higher term', async () => {
    const elector = (identity: string): LeaderElector =>
      new LeaderElector({
        client,
        namespace,
        name: 'operator',
        identity,
        logger,
        registry: new Registry(),
        retryPeriodMs: 200,
      });
    const terms: string[] = [];
    const first = new AbortController();
    const lead = (identity: string, signal: AbortSignal): Promise<void> =>
      elector(identity).run(signal, {
        onStarted: ({ leaseTransitions }) => {
          terms.push(`${identity} ${leaseTransitions}`);
        },
      });
    const a = lead('a', first.signal);
    await waitFor('a does not lead', WAIT_MS, () => terms.length === 1);
    const b = lead('b', running.signal);
    const lease = await client.get(Leases, namespace, 'operator');
    expect(lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15 });

    first.abort();
    await a;
    await waitFor('b does not lead', WAIT_MS, () => terms.length === 2);
    expect(terms).toEqual(['a 0', 'b 1']);
    running.abort();
    await b;
    const released = await client.get(Leases, namespace, 'operator');
    expect(released?.spec?.holderIdentity).toBeFalsy();
  });
});

describe('Events', () => {
  it('are written once, and repetitions are counted', async () => {
    const recorder = new EventRecorder({
      client,
      logger,
      reportingController: 'breakwater.dev/operator',
      reportingInstance: 'operator-0',
      writeEveryMs: 0,
    });
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' };
    const event = { type: 'Warning', reason: 'CircuitOpened', action: 'Open' } as const;
    const note = `${'é'.repeat(600)} is too long`;
    for (let i = 0; i < 3; i++) recorder.record({ ...event, regarding, note });
    const list = (): Promise<Event[]> => client.list(unrestricted(Events), { namespace });
    await waitFor(
      'the series is not written',
      10_000,
      async () => (await list())[0]?.series?.count === 3,
    );

    const found = await list();
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ ...event, regarding, series: { count: 3 } });
    expect(Buffer.byteLength(found[0]!.note!)).toBeLessThanOrEqual(1024);
  });
});
