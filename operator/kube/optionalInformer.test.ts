import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { KubeClient } from './client.ts';
import { Discovery } from './discovery.ts';
import { OPTIONAL_KIND_MS, OptionalInformer } from './optionalInformer.ts';
import type { Availability } from './optionalInformer.ts';
import { ConfigMaps } from '../resources/resources.ts';
import { FakeApi, json, list, refusal, watch } from '../testing/fakeApi.ts';
import type { Answer, Received } from '../testing/fakeApi.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { Transport } from './transport.ts';
import type { ConfigMap } from './types.ts';

const DISCOVERY = '/apis/maybe.example.com/v1';
const object = (name: string, resourceVersion: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'ns', name, uid: name, resourceVersion },
});
const served = (...names: string[]): Answer =>
  json(200, { resources: names.map((name) => ({ name, verbs: ['list', 'watch'] })) });
const absent = refusal(404, 'NotFound');

describe('OptionalInformer', () => {
  let api: FakeApi;
  let transport: Transport;
  let clock: FakeClock;
  let informer: OptionalInformer<ConfigMap, never>;
  let stop: AbortController;
  let seen: Availability[];
  let heard: string[];

  beforeEach(async () => {
    api = await FakeApi.start();
    transport = new Transport({ config: api.config, registry: new Registry() });
    clock = new FakeClock();
    stop = new AbortController();
    const client = new KubeClient(transport);
    const random = (): number => 0.5;
    const group = { group: 'maybe.example.com', version: 'v1' };
    const discovery = new Discovery({ client, ...group, clock, random });
    informer = new OptionalInformer({ client, resource: ConfigMaps, clock, random }, discovery);
    seen = [];
    heard = [];
    informer.onAvailability(() => seen.push(informer.availability));
    informer.onChange((current, previous) =>
      heard.push(`${current ? 'has' : 'lost'} ${(current ?? previous)!.metadata.name}`),
    );
    informer.start(stop.signal);
    void discovery.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await api[Symbol.asyncDispose]();
    await transport.close();
  });

  /** Moves on in small steps until it holds; answers take real time. */
  async function until(holds: () => boolean): Promise<void> {
    for (let step = 0; !holds(); step++) {
      if (step > 5_000) throw new Error(`It is ${informer.availability} after ${seen.join(', ')}`);
      await clock.advance(20);
    }
  }

  const paths = (): string[] => api.received.map(({ path }: Received) => path);

  it('asks only discovery, twice a minute, while the kind is not installed', async () => {
    api.script(absent, absent, absent, served('others'));
    await until(() => paths().length === 4);
    expect(new Set(paths())).toEqual(new Set([DISCOVERY]));
    expect(clock.monotonic()).toBeGreaterThanOrEqual(85_000);
    expect(seen).toEqual(['Absent']);
    await informer.settled;
    expect(informer.informer).toBeUndefined();
  });

  it('is not held up by a denied discovery, and keeps asking', async () => {
    const denied = refusal(403, 'Forbidden');
    api.script(denied, denied, served('configmaps'), list('7', object('a', '5')), watch([]));
    await until(() => informer.availability === 'Served');
    expect(seen).toEqual(['Forbidden', 'Served']);
  });

  it('fills its cache when the kind is installed', async () => {
    api.script(absent, served('configmaps'), list('7', object('a', '5')), watch([]));
    await until(() => informer.availability === 'Served');
    expect(seen).toEqual(['Absent', 'Served']);
    expect(informer.informer?.get('ns', 'a')).toBeDefined();
    expect(heard).toEqual(['has a']);
  });

  it('stops when the kind is removed, without a loop of requests', async () => {
    api.script(
      served('configmaps'),
      list('7', object('a', '5')),
      watch([], (response) => response.end()),
      // The watch of a kind that is gone; then discovery says so.
      absent,
      absent,
      absent,
    );
    await until(() => informer.availability === 'Absent');
    expect(clock.monotonic()).toBeLessThan(5_000);
    expect(informer.informer).toBeUndefined();
    const before = paths().length;
    expect(before).toBe(5);
    await until(() => paths().length > before);
    await settle();
    expect(paths().slice(before)).toEqual([DISCOVERY]);
    expect(seen).toEqual(['Served', 'Absent']);
  });

  it('starts again when the kind returns', async () => {
    api.script(
      served('configmaps'),
      list('7', object('a', '5')),
      watch([], (response) => response.end()),
      absent,
      absent,
      served('configmaps'),
      list('9', object('b', '9')),
      watch([{ type: 'ADDED', object: object('c', '10') }]),
    );
    await until(() => heard.includes('has c'));
    expect(seen).toEqual(['Served', 'Absent', 'Served']);
    expect(heard).toEqual(['has a', 'has b', 'has c']);
    expect(informer.informer?.get('ns', 'a')).toBeUndefined();
  });

  it('reports a missing permission, and continues when it is granted', async () => {
    api.script(
      served('configmaps'),
      refusal(403, 'Forbidden'),
      refusal(403, 'Forbidden'),
      list('7', object('a', '5')),
      watch([]),
    );
    await informer.settled.then(() => undefined, undefined);
    expect(informer.availability).toBe('Forbidden');
    await until(() => informer.availability === 'Served');
    expect(seen).toEqual(['Forbidden', 'Served']);
  });

  const failing = refusal(500, 'InternalError');
  const failures = (count: number): Answer[] => Array.from({ length: count }, () => failing);

  it.each([
    ['is not listed', [served('configmaps'), ...failures(30)]],
    ['is listed by no answer', [served('configmaps')]],
    ['is discovered by no answer', []],
    ['is not discovered', failures(30)],
  ])('holds nobody up when its kind %s for good', async (_case, answers) => {
    api.script(...answers);
    await until(() => informer.availability !== 'Unknown');
    await informer.settled;
    expect(seen).toEqual(['Failing']);
    expect(clock.monotonic()).toBeLessThan(OPTIONAL_KIND_MS + 1_000);
    expect(informer.informer).toBeUndefined();
  });

  it('takes up a kind that the API server lists again', async () => {
    let works = false;
    const reading = (request: Received): Answer =>
      request.query.has('watch') ? watch([]) : list('7', object('a', '5'));
    const answer: Answer = (response, request) => {
      const discovers = request.path === DISCOVERY;
      const next = discovers ? served('configmaps') : works ? reading(request) : failing;
      next(response, request);
    };
    api.script(...Array.from({ length: 100 }, () => answer));
    await until(() => informer.availability === 'Failing');
    works = true;
    await until(() => informer.availability === 'Served');
    expect(seen).toEqual(['Failing', 'Served']);
    expect(informer.informer?.get('ns', 'a')).toBeDefined();
  });

  it('says of a kind that was installed later that the API server does not list it', async () => {
    api.script(absent, served('configmaps'), ...failures(30));
    await until(() => informer.availability === 'Failing');
    expect(seen).toEqual(['Absent', 'Failing']);
  });

  it('keeps what it knows while discovery fails', async () => {
    api.script(
      served('configmaps'),
      list('7', object('a', '5')),
      watch([]),
      refusal(500, 'InternalError'),
      refusal(503, 'ServiceUnavailable'),
      served('configmaps'),
    );
    await until(() => paths().length === 6);
    await settle();
    expect(seen).toEqual(['Served']);
  });
});
