import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadClusterConfig } from '../../operator/kube/index.ts';
import type { ClusterConfig, ConfigMap } from '../../operator/kube/index.ts';
import { waitFor } from '../cluster/common/step.ts';
import { START_TIMEOUT, startApiServer } from './apiserver.ts';
import type { ApiServer } from './apiserver.ts';
import { Churn } from './faults/churn.ts';
import { fast, Follower, versions } from './faults/follower.ts';
import { FaultProxy } from './faults/proxy.ts';
import type { Fault, Seen, Shape } from './faults/proxy.ts';
import { interrupted, slow, truncated } from './faults/shapes.ts';

const WAIT_MS = 60_000;
const TIMES = 4;

let server: ApiServer;
let config: ClusterConfig;
let namespace: string;
let proxy: FaultProxy;
let churn: Churn;

beforeAll(async () => {
  server = await startApiServer();
  config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
}, START_TIMEOUT);

afterAll(async () => {
  await server?.stop();
});

beforeEach(async () => {
  namespace = await server.namespace('faults');
  proxy = await FaultProxy.start(config);
  churn = new Churn(server, namespace);
});

afterEach(async () => {
  await churn.stop();
  await proxy[Symbol.asyncDispose]();
});

const collection = (): string => `/api/v1/namespaces/${namespace}/configmaps`;

async function stored(): Promise<Record<string, string>> {
  const { body } = await server.request<{ items: ConfigMap[] }>('GET', collection());
  return versions(body.items);
}

/** Checks that the cache and the calls of handlers equal the API server's list, without a gap. */
async function agrees(follower: Follower): Promise<void> {
  const listed = await stored();
  const same = (seen: Record<string, string>): boolean =>
    JSON.stringify(seen) === JSON.stringify(listed);
  await waitFor('the cache equals the API', WAIT_MS, () => same(follower.cached)).catch(() =>
    expect(follower.cached).toEqual(listed),
  );
  expect(Object.fromEntries([...follower.told].sort(([a], [b]) => (a < b ? -1 : 1)))).toEqual(
    listed,
  );
  expect(follower.gaps).toEqual([]);
}

const status = (code: number, reason: string, headers = {}): Fault => ({
  kind: 'answer',
  status: code,
  headers,
  body: { kind: 'Status', code, reason, message: reason },
});
const expired = {
  type: 'ERROR',
  object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
};
const internal = { type: 'ERROR', object: { kind: 'Status', code: 500, message: 'etcd' } };

/** Each row has a fault of the first watches, and whether the informer has to list again. */
const WATCH_FAULTS: [string, (n: number) => Fault, 'resumes' | 'lists'][] = [
  ['are reset', () => ({ kind: 'reset' }), 'resumes'],
  ['are never answered', () => ({ kind: 'silence' }), 'resumes'],
  ['end in the middle of a line', () => shaped(truncated(3, 'end')), 'resumes'],
  ['are reset in the middle of a line', () => shaped(truncated(3, 'reset')), 'resumes'],
  ['come in pieces of 7 bytes, then break', () => shaped(slowThenCut), 'resumes'],
  ['are answered 410', () => status(410, 'Expired'), 'lists'],
  ['say 410 in the stream', () => shaped(interrupted(3, expired)), 'lists'],
  ['say 410 in the stream at once', () => shaped(interrupted(0, expired)), 'lists'],
  ['say 500 in the stream', () => shaped(interrupted(3, internal)), 'resumes'],
  ['are answered 429', () => status(429, 'TooManyRequests', { 'retry-after': '1' }), 'resumes'],
  ['are answered 503', (n) => (n % 2 ? status(503, 'Unavailable') : { kind: 'reset' }), 'resumes'],
  ['are answered 500 again and again', () => status(500, 'InternalError'), 'lists'],
  ['say what is no event', () => shaped(interrupted(0, { surprise: true })), 'lists'],
];

const slowThenCut: Shape = (bytes) => slow(7)(truncated(9, 'reset')(bytes));

const shaped = (shape: Extract<Fault, { kind: 'shape' }>['shape']): Fault => ({
  kind: 'shape',
  shape,
});

describe('an informer has the same objects as the API server although', () => {
  it.each(WATCH_FAULTS)(
    'its watches %s',
    async (_, fault, outcome) => {
      await churn.make(60);
      await using follower = new Follower(proxy.config, namespace);
      await follower.informer.synced;
      let faults = 0;
      let works = false;
      proxy.fault = ({ kind }: Seen) => {
        if (kind === 'watch' && faults < TIMES) return fault(faults++);
        works ||= kind === 'watch';
        return undefined;
      };
      proxy.resetAll();
      churn.start();
      await waitFor('the faults are over and a watch works again', WAIT_MS, () => works);
      await churn.stop();
      await agrees(follower);
      if (outcome === 'lists') expect(proxy.count('list')).toBeGreaterThan(1);
      else expect(proxy.count('list')).toBe(1);
    },
    2 * WAIT_MS,
  );

  it.each<[string, Fault]>([
    ['are reset', { kind: 'reset' }],
    ['are never answered', { kind: 'silence' }],
    ['are answered 429', status(429, 'TooManyRequests', { 'retry-after': '1' })],
    ['are answered 500', status(500, 'InternalError')],
    [
      'are cut short',
      shaped(async function* (bytes) {
        for await (const chunk of bytes) {
          yield chunk.subarray(0, 50);
          return;
        }
      }),
    ],
  ])('its lists %s', async (_, fault) => {
    await churn.make(60);
    let faults = 0;
    proxy.fault = ({ kind }: Seen) => (kind === 'list' && faults++ < TIMES ? fault : undefined);
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    expect(faults).toBeGreaterThan(TIMES);
    await agrees(follower);
  });

  it('its connections stay open but carry nothing more', async () => {
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    churn.start();
    await waitFor('something was heard', WAIT_MS, () => follower.told.size > 5);
    proxy.freezeAll();
    await churn.stop();
    await churn.make(20);
    await agrees(follower);
    expect(proxy.count('list')).toBe(1);
  });

  it('its connections are reset again and again', async () => {
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    churn.start();
    for (let times = 0; times < 10; times++) {
      const { changes } = churn;
      await waitFor('there were changes', WAIT_MS, () => churn.changes > changes + 10);
      proxy.resetAll();
    }
    await churn.stop();
    await agrees(follower);
    expect(proxy.count('list')).toBe(1);
  });

  it('objects are deleted and created again while it is cut off and versions expire', async () => {
    for (const name of ['kept', 'gone', 'replaced'])
      await server.apply(`${collection()}/${name}`, object(name));
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    proxy.fault = () => ({ kind: 'reset' });
    proxy.resetAll();
    for (const name of ['gone', 'replaced'])
      await server.request('DELETE', `${collection()}/${name}`);
    await server.apply(`${collection()}/replaced`, object('replaced'));
    expect(follower.informer.get(namespace, 'gone')).toBeDefined();
    proxy.fault = ({ kind }) => (kind === 'watch' ? status(410, 'Expired') : undefined);
    await waitFor('it listed again', WAIT_MS, () => proxy.count('list') > 1);
    proxy.fault = () => undefined;
    await agrees(follower);
    expect([...follower.deleted].sort()).toEqual(['gone', 'replaced']);
  });
});

const object = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
});

describe('an informer', () => {
  it('resumes a watch from the last bookmark, without a list', async () => {
    const other = new Churn(server, await server.namespace('noise'));
    proxy.rewrite = ({ kind, query }) => {
      if (kind === 'watch') query.set('timeoutSeconds', '4');
    };
    await using follower = new Follower(proxy.config, namespace, fast(10));
    await follower.informer.synced;
    await other.make(30);
    await waitFor('the watch ended twice', WAIT_MS, () => proxy.count('watch') > 2);
    const versionsAsked = proxy.seen
      .filter(({ kind }) => kind === 'watch')
      .map(({ query }) => Number(query.get('resourceVersion')));
    expect(versionsAsked[2]).toBeGreaterThan(versionsAsked[0]! + 20);
    expect(proxy.count('list')).toBe(1);
  });

  it('asks for bookmarks and a timeout between 300 and 600 s', async () => {
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    await waitFor('it watches', WAIT_MS, () => proxy.count('watch') > 0);
    const { query } = proxy.seen.find(({ kind }) => kind === 'watch')!;
    expect(query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });
});

describe.each(['etcd', 'kube-apiserver'] as const)('after %s is killed and restarted', (name) => {
  it('an informer with a direct TLS connection has the same objects as the API server', async () => {
    await churn.make(60);
    await using follower = new Follower(config, namespace);
    await follower.informer.synced;
    churn.start();
    await waitFor('there were changes', WAIT_MS, () => churn.changes > 80);
    await server.kill(name);
    await server.revive(name);
    const { changes } = churn;
    await waitFor('there were changes again', WAIT_MS, () => churn.changes > changes + 30);
    await churn.stop();
    await agrees(follower);
  });

  it('an informer that was cut off meanwhile learns of deletions', async () => {
    await churn.make(60);
    await using follower = new Follower(proxy.config, namespace);
    await follower.informer.synced;
    proxy.fault = () => ({ kind: 'reset' });
    proxy.resetAll();
    await server.kill(name);
    await server.revive(name);
    const gone = Object.keys(await stored());
    for (const key of gone) {
      await server.request('DELETE', `${collection()}/${key.split('/')[1]!}`);
    }
    await churn.make(10);
    proxy.fault = () => undefined;
    await agrees(follower);
    expect(follower.deleted.length).toBeGreaterThanOrEqual(gone.length);
  });
});
