import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { KubeClient } from './client.ts';
import { ConnectionError } from './errors.ts';
import type { ApiError } from './errors.ts';
import { ConfigMaps } from '../resources/resources.ts';
import { FakeApi, json, refusal } from '../testing/fakeApi.ts';
import type { Answer } from '../testing/fakeApi.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { Transport } from './transport.ts';

const OBJECT = { metadata: { namespace: 'ns', name: 'a' }, unknown: { kept: true } };
const hang: Answer = () => undefined;
const breakOff: Answer = (response) => void response.socket!.resetAndDestroy();

describe('Transport', () => {
  let api: FakeApi;
  let clock: FakeClock;
  let registry: Registry;
  let transport: Transport;
  let client: KubeClient;

  beforeEach(async () => {
    api = await FakeApi.start();
    clock = new FakeClock();
    registry = new Registry();
    const { config } = api;
    transport = new Transport({ config, registry, clock, random: () => 0, maxInFlight: 2 });
    client = new KubeClient(transport);
  });

  afterEach(async () => {
    await api[Symbol.asyncDispose]();
    await transport.close();
  });

  const failure = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  /** Lets backoffs pass until the work has ended. */
  const finished = async <R>(work: Promise<R>): Promise<R> => {
    let ended = false;
    const end = (): void => void (ended = true);
    work.then(end, end);
    while (!ended) await clock.advance(50);
    return work;
  };
  const get = (): Promise<unknown> => client.get(ConfigMaps, 'ns', 'a');
  const apply = (): Promise<unknown> =>
    client.apply(ConfigMaps, OBJECT as never, { fieldManager: 'test' });

  it('sends an apply patch with all fields and counts it', async () => {
    api.script(json(200, OBJECT));
    expect(await apply()).toMatchObject(OBJECT);
    const [request] = api.received;
    expect(request).toMatchObject({ method: 'PATCH', path: '/api/v1/namespaces/ns/configmaps/a' });
    expect(request!.headers).toMatchObject({
      'content-type': 'application/apply-patch+yaml',
      authorization: 'Bearer 1',
    });
    expect(request!.body).toEqual({ ...OBJECT, apiVersion: 'v1', kind: 'ConfigMap' });
    expect(Object.fromEntries(request!.query)).toEqual({ fieldManager: 'test', force: 'true' });
    const text = await registry.metrics();
    expect(text).toContain('rest_client_requests_total{code="200",method="PATCH"} 1');
    expect(text).toContain('rest_client_request_duration_seconds_count{verb="PATCH"} 1');
  });

  it('waits as long as Retry-After asks, and gives up after three retries', async () => {
    const busy = refusal(429, 'TooManyRequests', { 'retry-after': '7' });
    api.script(busy, refusal(503, 'ServiceUnavailable'), json(200, OBJECT));
    await finished(apply());
    expect(clock.monotonic()).toBeGreaterThanOrEqual(7_000);
    expect(clock.monotonic()).toBeLessThan(8_000);
    api.script(busy, busy, busy, busy);
    const error = await failure(finished(get()));
    expect(error).toMatchObject({ status: 429, retryAfterMs: 7_000 });
    expect(api.received).toHaveLength(7);
  });

  it('repeats only repeatable requests after a broken connection', async () => {
    api.script(breakOff, json(200, OBJECT), breakOff);
    await finished(apply());
    const error = await failure(finished(client.create(ConfigMaps, OBJECT as never)));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(api.received.map(({ method }) => method)).toEqual(['PATCH', 'PATCH', 'POST']);
    const text = await registry.metrics();
    expect(text).toContain('rest_client_requests_total{code="<error>",method="POST"} 1');
  });

  it('reads the credentials again after a 401, once', async () => {
    const no = refusal(401, 'Unauthorized');
    api.script(no, json(200, OBJECT), no, no);
    await get();
    expect(((await failure(get())) as ApiError).status).toBe(401);
    expect(api.received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer 1',
      'Bearer 2',
      'Bearer 2',
      'Bearer 3',
    ]);
  });

  it('reviews a bounded number of tokens at a time, even while other requests take all places', async () => {
    api.script(hang, hang, hang, hang, hang, hang);
    const abort = new AbortController();
    const { signal } = abort;
    const calls = [1, 2, 3].map(() => failure(client.get(ConfigMaps, 'ns', 'a', { signal })));
    await api.requests(2);
    const review = (): Promise<unknown> => failure(client.reviewToken('token', ['us'], { signal }));
    const reviews = [1, 2, 3, 4, 5].map(review);
    const received = await api.requests(6);
    await settle();
    expect(received.map(({ method }) => method)).toEqual([
      ...['GET', 'GET'],
      ...['POST', 'POST', 'POST', 'POST'],
    ]);
    abort.abort(new Error('enough'));
    for (const error of await Promise.all([...calls, ...reviews])) {
      expect((error as Error).message).toBe('enough');
    }
  });

  it('ends a request at its deadline', async () => {
    api.script(hang);
    const error = failure(client.get(ConfigMaps, 'ns', 'a', { deadlineMs: 500 }));
    await api.requests(1);
    await clock.advance(501);
    expect(await error).toBeInstanceOf(ConnectionError);
    expect(((await error) as Error).message).toMatch(/no answer from the API server within 500 ms/);
  });

  it('ends a request when its signal aborts, in flight or queued', async () => {
    api.script(hang, hang);
    const stop = new AbortController();
    const errors = [1, 2, 3].map(() =>
      failure(client.get(ConfigMaps, 'ns', 'a', { signal: stop.signal })),
    );
    await api.requests(2);
    const reason = new Error('stopped');
    stop.abort(reason);
    expect(await Promise.all(errors)).toEqual([reason, reason, reason]);
  });

  it('bounds requests in flight, except urgent ones', async () => {
    const open: (() => void)[] = [];
    const wait: Answer = (response, request) =>
      void open.push(() => json(200, OBJECT)(response, request));
    api.script(wait, wait, wait, wait);
    const gets = [get(), get(), get()];
    await api.requests(2);
    for (let i = 0; i < 20; i++) await settle();
    expect(api.received).toHaveLength(2);
    const urgent = client.get(ConfigMaps, 'ns', 'a', { urgent: true });
    await api.requests(3);
    open[2]!();
    await urgent;
    open[0]!();
    await api.requests(4);
    open[1]!();
    open[3]!();
    await Promise.all(gets);
  });

  it('sends no write once its guard refuses, not even a repeated one', async () => {
    let allowed = true;
    const guarded = client.guarded(() => {
      if (!allowed) throw new Error('not the leader');
    });
    api.script(
      (response, request) => {
        allowed = false;
        refusal(503, 'ServiceUnavailable')(response, request);
      },
      json(200, OBJECT),
    );
    const write = guarded.apply(ConfigMaps, OBJECT as never, { fieldManager: 'test' });
    expect(((await failure(finished(write))) as Error).message).toBe('not the leader');
    expect(api.received).toHaveLength(1);
    expect(await guarded.get(ConfigMaps, 'ns', 'a')).toMatchObject(OBJECT);
  });

  it('reports the answer of a proxy that is no API server', async () => {
    api.script((response) => {
      response.statusCode = 502;
      response.end('<html>Bad gateway</html>');
    });
    const error = (await failure(get())) as ApiError;
    expect(error.status).toBe(502);
    expect(error.message).toBe(
      'The API server answered 502 to GET /api/v1/namespaces/ns/configmaps/a',
    );
  });
});
