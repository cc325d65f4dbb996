import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import { ConfigMaps } from '../resources/resources.ts';
import { FakeApi, list, refusal, watch } from '../testing/fakeApi.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { KubeClient } from './client.ts';
import { Informer } from './informer.ts';
import { Transport } from './transport.ts';
import type { ConfigMap } from './types.ts';

const event = (type: string, name: string, resourceVersion: string): object => ({
  type,
  object: { metadata: { namespace: 'ns', name, uid: name, resourceVersion } },
});
const bookmark = (resourceVersion: string, annotations = {}): object => ({
  type: 'BOOKMARK',
  object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion, annotations } },
});
const end = (resourceVersion: string): object =>
  bookmark(resourceVersion, { 'k8s.io/initial-events-end': 'true' });

describe('an informer that gets its first list as a watch', () => {
  let api: FakeApi;
  let transport: Transport;
  let clock: FakeClock;
  let informer: Informer<ConfigMap>;
  let stop: AbortController;

  beforeEach(async () => {
    api = await FakeApi.start();
    transport = new Transport({ config: api.config, registry: new Registry() });
    clock = new FakeClock();
    stop = new AbortController();
    const client = new KubeClient(transport);
    const options = { client, resource: ConfigMaps, clock, random: () => 0.5 };
    informer = new Informer({ ...options, streams: true });
  });

  afterEach(async () => {
    stop.abort();
    await api[Symbol.asyncDispose]();
    await transport.close();
  });

  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await clock.advance(100);
  };
  const names = (): string[] =>
    informer
      .list()
      .map(({ metadata }) => metadata.name)
      .sort();

  it('holds all objects before the bookmark, and continues with the same watch', async () => {
    let response: ServerResponse | undefined;
    api.script((answer, request) => {
      response = answer;
      watch([event('ADDED', 'a', '3'), event('ADDED', 'b', '7'), bookmark('8')])(answer, request);
    });
    informer.start(stop.signal);
    await until(() => response !== undefined && informer.lastEventAgeMs !== undefined);
    expect(Object.fromEntries(api.received[0]!.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: '450',
    });
    expect([informer.hasSynced, names()]).toEqual([false, []]);
    const say = (each: object): void => void response!.write(`${JSON.stringify(each)}\n`);
    say(end('10'));
    await informer.synced;
    expect(names()).toEqual(['a', 'b']);
    say(event('DELETED', 'a', '11'));
    await until(() => names().length === 1);
    api.script(watch([]));
    response!.end();
    await until(() => api.received.length === 2);
    expect(api.received[1]!.query.get('resourceVersion')).toBe('11');
  });

  it.each([400, 422])('lists where the server refuses it with %d', async (status) => {
    api.script(refusal(status, 'Invalid'), list('10', { metadata: { name: 'a', uid: 'a' } }));
    informer.start(stop.signal);
    await until(() => informer.hasSynced);
    expect(names()).toEqual(['a']);
    await until(() => api.received.length === 3);
    expect(api.received.map(({ query }) => query.get('sendInitialEvents'))).toEqual([
      'true',
      null,
      null,
    ]);
  });

  it('begins anew as late as a busy server asks', async () => {
    api.script(
      refusal(429, 'TooManyRequests', { 'retry-after': '20' }),
      watch([event('ADDED', 'a', '3'), end('10')]),
    );
    informer.start(stop.signal);
    await until(() => api.received.length === 1);
    const since = clock.monotonic();
    await until(() => informer.hasSynced);
    expect(clock.monotonic() - since).toBeGreaterThanOrEqual(20_000);
    expect([names(), api.received.length]).toEqual([['a'], 2]);
  });

  it('reads pages when the watch breaks off, as behind a proxy that ends every watch at once', async () => {
    const objects = list('10', { metadata: { name: 'a', uid: 'a', namespace: 'ns' } });
    api.script(
      watch([event('ADDED', 'gone', '3')], (response) => response.end()),
      refusal(429, 'TooManyRequests'),
      objects,
      watch([]),
    );
    informer.start(stop.signal);
    await until(() => informer.hasSynced);
    expect(names()).toEqual(['a']);
    await until(() => api.received.length === 4);
    const kinds = api.received.map(
      ({ query }) => query.get('sendInitialEvents') ?? query.get('limit'),
    );
    expect(kinds).toEqual(['true', '100', '100', null]);
  });
});
