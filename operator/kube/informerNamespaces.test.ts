import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ConfigMaps } from '../resources/resources.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import type { ListPage, WatchEvent } from './client.ts';
import { ApiError } from './errors.ts';
import { Informer, type InformerOptions } from './informer.ts';
import type { ConfigMap } from './types.ts';

type Client = InformerOptions<ConfigMap>['client'];

/** The API server of a few namespaces: answers the lists that it has, and then keeps silent. */
class Namespaces {
  readonly asked: string[] = [];
  readonly forbidden = new Set<string>();
  readonly lists = new Map<string, string[][]>();
  readonly #watches = new Map<string, PromiseWithResolvers<void>>();

  get client(): Client {
    return {
      listPages: (_, options) => this.#list(options!.namespace!),
      watch: (_, { namespace, signal }) => this.#watch(namespace!, signal),
    } as Client;
  }

  /** The watch of the namespace has become too old, so that it is listed again. */
  expire(namespace: string): void {
    this.#watches.get(namespace)!.reject(new ApiError(410, 'too old'));
  }

  async *#list(namespace: string): AsyncGenerator<ListPage<ConfigMap>> {
    this.asked.push(namespace);
    if (this.forbidden.has(namespace)) throw new ApiError(403, 'no role there');
    const names = this.lists.get(namespace)?.shift();
    if (!names) await new Promise(() => undefined);
    const items = names!.map((name) => object(namespace, name));
    yield await Promise.resolve({ items, resourceVersion: '1' });
  }

  async *#watch(namespace: string, signal: AbortSignal): AsyncGenerator<WatchEvent<ConfigMap>> {
    const broken = Promise.withResolvers<void>();
    this.#watches.set(namespace, broken);
    signal.addEventListener('abort', () => broken.resolve());
    await broken.promise;
    yield* [];
  }
}

const object = (namespace: string, name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, uid: `${namespace}-${name}`, resourceVersion: '1' },
});

let server: Namespaces;
let clock: FakeClock;
let informer: Informer<ConfigMap>;
let stop: AbortController;

beforeEach(() => {
  server = new Namespaces();
  clock = new FakeClock();
  stop = new AbortController();
  informer = new Informer({
    ...{ client: server.client, resource: ConfigMaps, clock, random: () => 0.5 },
    namespaces: ['a', 'b'],
  });
});

afterEach(() => stop.abort());

const held = (): string[] =>
  informer
    .list()
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .sort();

it('an informer of several namespaces replaces by a list only the objects of its namespace', async () => {
  server.lists.set('a', [['one', 'two'], ['two']]);
  server.lists.set('b', [['one']]);
  informer.start(stop.signal);
  await clock.advance(0);
  expect(held()).toEqual(['a/one', 'a/two', 'b/one']);
  server.expire('a');
  await clock.advance(1_000);
  expect(held()).toEqual(['a/two', 'b/one']);
  expect(server.asked).toEqual(['a', 'b', 'a']);
});

it('an informer of several namespaces is synced after all first lists, and as stale as the stalest namespace', async () => {
  server.lists.set('a', [['one'], ['one']]);
  let synced = false;
  void informer.synced.then(() => (synced = true));
  informer.start(stop.signal);
  await clock.advance(0);
  expect([informer.hasSynced, synced, informer.lastEventAgeMs]).toEqual([false, false, undefined]);
  stop.abort();

  server.lists.set('a', [['one'], ['one']]);
  server.lists.set('b', [[]]);
  stop = new AbortController();
  informer = new Informer({
    ...{ client: server.client, resource: ConfigMaps, clock, random: () => 0.5 },
    namespaces: ['a', 'b'],
  });
  informer.start(stop.signal);
  await clock.advance(700_000);
  server.expire('a');
  await clock.advance(1_000);
  expect([informer.hasSynced, informer.isStale]).toEqual([true, true]);
  expect(informer.lastEventAgeMs).toBe(701_000);
});

it('a namespace that the operator may not read does not hold up the others, and its objects come later', async () => {
  server.forbidden.add('b');
  server.lists.set('a', [['one']]);
  server.lists.set('b', [['one']]);
  informer.start(stop.signal);
  await clock.advance(0);
  expect([informer.hasSynced, held()]).toEqual([true, ['a/one']]);
  expect(informer.forbiddenNamespaces).toEqual(['b']);
  await informer.synced;
  server.forbidden.clear();
  await clock.advance(1_000);
  expect(held()).toEqual(['a/one', 'b/one']);
  expect(informer.forbiddenNamespaces).toEqual([]);
});

it('an informer that may read none of its namespaces is not synced', async () => {
  server.forbidden.add('a').add('b');
  informer.start(stop.signal);
  await clock.advance(1_000);
  expect(informer.hasSynced).toBe(false);
});
