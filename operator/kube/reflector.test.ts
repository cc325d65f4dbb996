import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import { KubeClient } from './client.ts';
import { Informer } from './informer.ts';
import { ConfigMaps } from '../resources/resources.ts';
import { FakeApi, list, refusal, watch, type Answer } from '../testing/fakeApi.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { Transport } from './transport.ts';
import type { ConfigMap } from './types.ts';

const object = (name: string, resourceVersion: string, uid = name): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'ns', name, uid, resourceVersion },
});
const event = (type: string, name: string, resourceVersion: string): object => ({
  type,
  object: object(name, resourceVersion),
});
const bookmark = (resourceVersion: string): object => ({
  type: 'BOOKMARK',
  object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } },
});
const streamError = (code: number): object => ({
  type: 'ERROR',
  object: { kind: 'Status', code, message: 'too old', reason: 'Expired' },
});
const reset = (response: ServerResponse): void => void response.socket!.resetAndDestroy();

describe('Informer over a faulty connection', () => {
  let api: FakeApi;
  let transport: Transport;
  let clock: FakeClock;
  let informer: Informer<ConfigMap>;
  let stop: AbortController;
  let heard: string[];

  beforeEach(async () => {
    api = await FakeApi.start();
    transport = new Transport({ config: api.config, registry: new Registry() });
    clock = new FakeClock();
    stop = new AbortController();
    heard = [];
    const client = new KubeClient(transport);
    informer = new Informer({ client, resource: ConfigMaps, clock, random: () => 0.5 });
    informer.onChange((current, previous) => {
      const at = ({ metadata }: ConfigMap): string =>
        `${metadata.name}@${metadata.resourceVersion}`;
      heard.push(`${previous ? at(previous) : ''} → ${current ? at(current) : ''}`.trim());
    });
  });

  afterEach(async () => {
    stop.abort();
    await api[Symbol.asyncDispose]();
    await transport.close();
  });

  const watchedFrom = (index: number): string | null =>
    api.received[index]!.query.get('resourceVersion');

  /** Starts, and lets backoffs pass until so many requests have come. */
  const startUntil = async (count: number): Promise<void> => {
    informer.start(stop.signal);
    await until(() => api.received.length >= count);
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await clock.advance(100);
  };

  it('asks for bookmarks and a random timeout, and resumes at the last version when the server ends the watch', async () => {
    api.script(
      list('10', object('a', '5')),
      watch([event('ADDED', 'b', '11'), bookmark('40')], (response) => {
        clock.stall(5_000);
        response.end();
      }),
      watch([event('DELETED', 'a', '41')]),
    );
    await startUntil(3);
    await until(() => heard.length === 3);
    expect(Object.fromEntries(api.received[1]!.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '10',
      timeoutSeconds: '450',
    });
    expect(watchedFrom(2)).toBe('40');
    expect(heard).toEqual(['→ a@5', '→ b@11', 'a@5 →']);
  });

  it('resumes after a reset without listing again', async () => {
    api.script(
      list('10'),
      watch([event('ADDED', 'a', '11')], reset),
      watch([event('MODIFIED', 'a', '12')]),
    );
    await startUntil(3);
    await until(() => heard.length === 2);
    expect(watchedFrom(2)).toBe('11');
    expect(heard).toEqual(['→ a@11', 'a@11 → a@12']);
  });

  it('drops a truncated line and gets the event again', async () => {
    const line = JSON.stringify(event('ADDED', 'b', '12'));
    api.script(
      list('10'),
      watch([event('ADDED', 'a', '11')], (response) => response.end(line.slice(0, 40))),
      watch([event('ADDED', 'b', '12')]),
    );
    await startUntil(3);
    await until(() => heard.length === 2);
    expect(watchedFrom(2)).toBe('11');
    expect(heard).toEqual(['→ a@11', '→ b@12']);
  });

  it.each([
    ['by status', refusal(410, 'Expired')],
    ['in the stream', watch([streamError(410)])],
  ])(
    'lists again after 410 %s, serves the old cache meanwhile, and notices deletions',
    async (_, gone) => {
      api.script(list('10', object('a', '5'), object('b', '6')), gone, (response) => {
        heard.push(
          `cache: ${informer
            .list()
            .map(({ metadata }) => metadata.name)
            .join(',')}`,
        );
        list('50', object('b', '6'), object('c', '45'))(response, api.received[0]!);
      });
      await startUntil(4);
      expect(heard).toEqual(['→ a@5', '→ b@6', 'cache: a,b', 'a@5 →', '→ c@45']);
      expect(watchedFrom(3)).toBe('50');
    },
  );

  it('distinguishes a replaced object of the same name from a changed one', async () => {
    api.script(
      list('10', object('a', '5', 'first')),
      refusal(410, 'Expired'),
      list('50', object('a', '45', 'second')),
    );
    await startUntil(4);
    expect(heard).toEqual(['→ a@5', 'a@5 →', '→ a@45']);
  });

  it('waits as long as each 429 asks, however often', async () => {
    const busy = refusal(429, 'TooManyRequests', { 'retry-after': '60' });
    api.script(busy, ...Array.from({ length: 9 }, () => busy), list('10'), busy, watch([]));
    await startUntil(13);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(11 * 60_000);
    expect(watchedFrom(12)).toBe('10');
    expect(informer.hasSynced).toBe(true);
  });

  it('waits at most two minutes, whatever the server asks', async () => {
    const closed = refusal(503, 'ServiceUnavailable', { 'retry-after': '86400' });
    api.script(closed, list('10'), closed, watch([event('ADDED', 'a', '20')]));
    informer.start(stop.signal);
    await until(() => api.received.length === 4 || clock.monotonic() > 250_000);
    expect(api.received).toHaveLength(4);
  });

  it('backs off from a server that ends watches at once', async () => {
    api.script(
      list('10'),
      ...Array.from({ length: 5 }, () => watch([], (response) => response.end())),
    );
    await startUntil(7);
    expect(clock.monotonic()).toBeGreaterThan(4_000);
  });

  /** Plays a server that answers each list, but each watch so; tells for how long the last list waited. */
  async function listsDespite(answer: Answer): Promise<number> {
    const next: Answer = (response, request) => {
      const isWatch = request.query.has('watch');
      (isWatch ? answer : list('10', object('a', '5')))(response, request);
    };
    api.script(...Array.from({ length: 100 }, () => next));
    informer.start(stop.signal);
    const lists = (): number => api.received.filter(({ query }) => !query.has('watch')).length;
    let at = 0;
    for (const count of [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      at = clock.monotonic();
      await until(() => lists() === count);
    }
    return clock.monotonic() - at;
  }

  it.each([
    ['end at once', watch([], (response) => response.end())],
    ['are too old at once', refusal(410, 'Expired')],
  ])('lists again and again, but seldom, while all watches %s', async (_case, answer) => {
    const waited = await listsDespite(answer);
    expect(waited).toBeGreaterThan(15_000);
    expect(waited).toBeLessThan(31_000);
  });

  it('lists again when the server keeps refusing the version', async () => {
    const broken = watch([streamError(500)]);
    api.script(list('10'), broken, broken, broken, list('60'), watch([]));
    await startUntil(6);
    expect(api.received.map(({ query }) => query.get('resourceVersion'))).toEqual([
      null,
      '10',
      '10',
      '10',
      null,
      '60',
    ]);
  });

  it('gives up a silent watch after 315 s at the earliest and 351 s at the latest', async () => {
    api.script(list('10'), watch([event('ADDED', 'a', '20')]), watch([]));
    informer.start(stop.signal);
    while (heard.length === 0) await settle();
    await clock.advance(315_000);
    expect(api.received).toHaveLength(2);
    await until(() => api.received.length === 3);
    expect(watchedFrom(2)).toBe('20');
    expect(clock.monotonic()).toBeLessThanOrEqual(351_000);
  });

  it('is stale after ten minutes of silence or refusals', async () => {
    const broken = refusal(503, 'ServiceUnavailable');
    api.script(list('10'), watch([bookmark('20')]), ...Array.from({ length: 40 }, () => broken));
    await startUntil(2);
    await clock.advance(600_000);
    expect(informer.isStale).toBe(false);
    await clock.advance(60_000);
    expect(informer.isStale).toBe(true);
  });

  it('isolates a handler that throws', async () => {
    informer.onChange(() => {
      throw new Error('broken');
    });
    const later: string[] = [];
    informer.onChange((current) => later.push(current!.metadata.name));
    api.script(list('10', object('a', '5')), watch([event('ADDED', 'b', '11')]));
    await startUntil(2);
    await until(() => later.length === 2);
    expect(later).toEqual(['a', 'b']);
    expect(api.received).toHaveLength(2);
  });

  it('lists in pages, and marks the objects of the first list', async () => {
    const flags: boolean[] = [];
    informer.onChange((_current, _previous, { initial }) => flags.push(initial));
    const page =
      (next: string, name: string): Parameters<FakeApi['script']>[0] =>
      (response) =>
        response.end(
          JSON.stringify({
            metadata: { resourceVersion: '10', continue: next },
            items: [object(name, '5')],
          }),
        );
    api.script(page('more', 'a'), page('', 'b'), watch([event('ADDED', 'c', '11')]));
    await startUntil(3);
    await until(() => flags.length === 3);
    expect(flags).toEqual([true, true, false]);
    expect(api.received[1]!.query.get('continue')).toBe('more');
    expect(api.received[0]!.query.get('limit')).toBe('100');
  });

  describe('over a list of several pages', () => {
    const page =
      (next: string, name: string): Parameters<FakeApi['script']>[0] =>
      (response) => {
        const metadata = { resourceVersion: '10', continue: next };
        response.end(JSON.stringify({ metadata, items: [object(name, '5')] }));
      };
    const tokens = (): (string | null)[] => api.received.map(({ query }) => query.get('continue'));

    it.each<[string, Parameters<FakeApi['script']>[0]]>([
      ['429', refusal(429, 'TooManyRequests')],
      ['503', refusal(503, 'ServiceUnavailable')],
      ['a reset', reset],
    ])('asks for a page again after %s, and keeps the earlier pages', async (_, fault) => {
      api.script(page('2', 'a'), fault, page('3', 'b'), fault, page('', 'c'), watch([]));
      await startUntil(6);
      expect(tokens()).toEqual([null, '2', '2', '3', '3', null]);
      expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
      expect(watchedFrom(5)).toBe('10');
    });

    it('waits for a page as long as 429 asks, and resets the backoff after each page', async () => {
      const busy = refusal(429, 'TooManyRequests', { 'retry-after': '7' });
      const faults = Array.from({ length: 6 }, () => refusal(503, 'ServiceUnavailable'));
      api.script(page('2', 'a'), busy, ...faults, page('3', 'b'), faults[0]!, page('', 'c'));
      await startUntil(10);
      const before = clock.monotonic();
      expect(before).toBeGreaterThanOrEqual(7_000);
      await until(() => api.received.length === 11);
      expect(clock.monotonic() - before).toBeLessThanOrEqual(400);
    });

    it('lists from the start when the token has expired', async () => {
      api.script(page('2', 'a'), refusal(410, 'Expired'), page('', 'b'), watch([]));
      await startUntil(4);
      expect(tokens()).toEqual([null, '2', null, null]);
      expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
    });
  });
});
