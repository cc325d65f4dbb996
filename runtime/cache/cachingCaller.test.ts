import { afterEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { ONE_ATTEMPT, configuration } from '../testing/configuration.ts';
import type { Parts } from '../testing/resolved.ts';
import { Cleanups, STREAMED, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson, answerStream, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const TIER = { maxEntries: 100, ttlMs: 60_000 };
const CACHE: NonNullable<Content['cache']> = {
  scope: 'PerPrincipal',
  hot: TIER,
  warm: TIER,
  cold: TIER,
};

type Behaviour = (response: ServerResponse) => void | Promise<void>;

let answered = 0;
const counted: Behaviour = (response) =>
  answerJson(response, { ...MESSAGE, id: `msg_${(answered += 1)}` });

function cached(answer: Behaviour, content: Parts<Content> = {}): Promise<Setup> {
  return setup(cleanups, answer, { cache: CACHE, ...content });
}

/** An agent that has a key of its own for its endpoint. */
async function withMountedKey(content: Partial<Content>): Promise<Setup> {
  const of = await setup(cleanups, counted);
  const path = join(of.agent.directory, 'api-key');
  await writeFile(path, 'sk-agent');
  const endpoint = { name: 'primary', provider: 'Anthropic', baseURL: of.endpoint.url };
  const credential = { path, secret: 'anthropic', key: 'api-key' };
  of.agent.runtime.configuration.offerPush(
    1,
    configuration(
      of.endpoint.url,
      { endpoints: [{ ...endpoint, credential }], ...content },
      { term: 1, counter: 2 },
    ),
  );
  return of;
}

/** What the cache says of an answer. */
const told = ({ headers }: Answer): unknown => headers['cache-status'];
const MISS = 'breakwater; fwd=miss';
const WARM = 'breakwater; hit; detail=warm';
const HOT = 'breakwater; hit; detail=hot';

async function lookups({ agent }: Setup): Promise<string[]> {
  const text = await agent.runtime.metrics.registry.metrics();
  return (text.match(/^cache_requests_total\{.*$/gm) ?? []).sort();
}

/** An endpoint that answers when it is let, and how many requests wait there. */
function held(answer: Behaviour): { behaviour: Behaviour; release: () => void } {
  const gate = Promise.withResolvers<void>();
  const behaviour: Behaviour = async (response) => {
    await gate.promise;
    await answer(response);
  };
  return { behaviour, release: () => gate.resolve() };
}

function inFlight({ agent }: Setup): Promise<{ collapsed: number; inFlight: number }> {
  return fetch(`${agent.debugUrl}/debug/cache`).then(
    (page) => page.json() as Promise<{ collapsed: number; inFlight: number }>,
  );
}

async function joined(of: Setup, count: number): Promise<void> {
  await until(async () => (await inFlight(of)).collapsed === count);
}

describe('the cache', () => {
  it('answers an identical request from memory, and states tier and age', async () => {
    const of = await cached(counted);
    const answers: Answer[] = [];
    for (let i = 0; i < 3; i += 1) answers.push(await send(of.agent.url));
    expect(answers.map(told)).toEqual([MISS, WARM, HOT]);
    expect(answers[0]!.headers.age).toBeUndefined();
    expect(answers[2]!.headers.age).toBe('0');
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
    expect(answers[2]!.headers['content-type']).toBe('application/json');
    expect(of.endpoint.seen).toHaveLength(1);
    expect(await lookups(of)).toEqual([
      'cache_requests_total{tier="hot",result="hit"} 1',
      'cache_requests_total{tier="none",result="miss"} 1',
      'cache_requests_total{tier="warm",result="hit"} 1',
    ]);
  });

  it('returns a cached stream as a stream, byte for byte', async () => {
    const of = await cached((response) => answerStream(response));
    const first = await send(of.agent.url, STREAMED);
    const again = await send(of.agent.url, STREAMED);
    expect([told(first), told(again)]).toEqual([MISS, WARM]);
    expect(again.headers['content-type']).toBe('text/event-stream');
    expect(again.body.toString()).toBe(STREAM.join(''));
  });

  it('is off unless the configuration has one', async () => {
    const of = await setup(cleanups, counted);
    const answers = [await send(of.agent.url), await send(of.agent.url)];
    expect(answers.map(told)).toEqual([undefined, undefined]);
    expect(of.endpoint.seen).toHaveLength(2);
  });

  it.each<[string, Sent]>([
    ['another body', { body: '{"model":"claude-test","messages":[1]}' }],
    ['another version', { headers: { 'anthropic-version': '2023-01-01' } }],
    ['another beta', { headers: { 'anthropic-beta': 'x' } }],
    ['another query', { path: '/v1/messages?beta=true' }],
    ['another credential', { headers: { 'x-api-key': 'other' } }],
    ['another credential of a gateway', { headers: { 'x-portkey-api-key': 'other' } }],
    ['another session', { headers: { cookie: 'session=other' } }],
    ['another bearer token', { headers: { authorization: 'Bearer other' } }],
  ])('calls the endpoint again for %s', async (_, sent) => {
    const of = await cached(counted);
    await send(of.agent.url);
    expect(told(await send(of.agent.url, sent))).toBe(MISS);
    expect(told(await send(of.agent.url, sent))).toBe(WARM);
    expect(of.endpoint.seen).toHaveLength(2);
  });

  it.each(['api-key', 'x-gateway-token', 'cookie', 'x-forwarded-user'])(
    'gives no client what another one was answered that shows other credentials in %s, also with a key of the agent',
    async (name) => {
      const of = await withMountedKey({ cache: CACHE });
      const asked: unknown[] = [];
      for (const value of ['alice', 'bob', 'alice']) {
        asked.push(told(await send(of.agent.url, { headers: { [name]: value } })));
      }
      expect(asked).toEqual([MISS, MISS, WARM]);
      expect(of.endpoint.seen).toHaveLength(2);
    },
  );

  it('calls the endpoint again for another value of a header that Connection names', async () => {
    const of = await cached(counted);
    const beta = { 'anthropic-beta': 'x' };
    const kept = { ...beta, connection: 'close, anthropic-beta' };
    expect(told(await send(of.agent.url, { headers: kept }))).toBe(MISS);
    expect(told(await send(of.agent.url, { headers: beta }))).toBe(MISS);
    expect(told(await send(of.agent.url))).toBe(WARM);
    expect(of.endpoint.seen.map(({ headers }) => headers['anthropic-beta'])).toEqual([
      ...[undefined, 'x'],
    ]);
  });

  it('ignores headers that grant no rights', async () => {
    const of = await withMountedKey({ cache: CACHE });
    await send(of.agent.url, { headers: { 'user-agent': 'a', traceparent: '00-1' } });
    const again = await send(of.agent.url, { headers: { 'user-agent': 'b', 'x-request-id': '2' } });
    expect(told(again)).toBe(WARM);
  });

  it('serves other credentials only if its scope is shared', async () => {
    const of = await cached(counted, { cache: { ...CACHE, scope: 'Shared' } });
    await send(of.agent.url, { headers: { 'x-api-key': 'one' } });
    expect(told(await send(of.agent.url, { headers: { 'x-api-key': 'two' } }))).toBe(WARM);
  });

  it('shares nothing under an unknown scope', async () => {
    const of = await cached(counted, { cache: { ...CACHE, scope: 'Galaxy' } });
    await send(of.agent.url, { headers: { 'x-api-key': 'one' } });
    expect(told(await send(of.agent.url, { headers: { 'x-api-key': 'two' } }))).toBe(MISS);
  });

  it('lets a client request a fresh answer', async () => {
    const of = await cached(counted);
    await send(of.agent.url);
    const fresh = await send(of.agent.url, { headers: { 'cache-control': 'no-cache' } });
    expect(told(fresh)).toBeUndefined();
    expect(of.endpoint.seen).toHaveLength(2);
    expect(await lookups(of)).toContain('cache_requests_total{tier="none",result="bypass"} 1');
  });

  it('keeps no headers that concern one request', async () => {
    const of = await cached((response) => {
      response.setHeader('anthropic-ratelimit-requests-remaining', '7');
      response.setHeader('set-cookie', 'mine');
      response.setHeader('request-id', 'req_1');
      return counted(response);
    });
    const first = await send(of.agent.url);
    const again = await send(of.agent.url);
    const names = ['anthropic-ratelimit-requests-remaining', 'set-cookie', 'request-id'];
    expect(names.map((name) => name in first.headers)).toEqual([true, true, true]);
    expect(names.map((name) => name in again.headers)).toEqual([false, false, true]);
  });

  const cut = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(STREAM.slice(0, 4).join(''), () => response.destroy());
  };
  const failing = (status: number): Behaviour => {
    const error = { type: 'error', error: { type: 'api_error', message: 'no' } };
    return (response) => answerJson(response, error, status);
  };
  it.each<[string, Behaviour, Sent]>([
    ['a refusal', failing(400), {}],
    ['a fault', failing(500), {}],
    ['what is not JSON', (response) => void response.end('what?'), {}],
    ['a stream that was cut', cut, STREAMED],
    [
      'a stream with an error',
      (response) =>
        answerStream(response, [
          ...STREAM.slice(0, 4),
          sse('error', { error: { type: 'api_error' } }),
        ]),
      STREAMED,
    ],
  ])('never keeps %s', async (_, behaviour, sent) => {
    const of = await cached(behaviour, ONE_ATTEMPT);
    for (let i = 0; i < 2; i += 1) await send(of.agent.url, sent).catch(() => undefined);
    expect(of.endpoint.seen).toHaveLength(2);
  });

  it('does not keep what is too large', async () => {
    const large = { ...MESSAGE, content: [{ type: 'text', text: 'x'.repeat(400_000) }] };
    const of = await cached((response) => answerJson(response, large));
    for (let i = 0; i < 2; i += 1) {
      const { body } = await send(of.agent.url);
      expect(body.length).toBeGreaterThan(400_000);
    }
    expect(of.endpoint.seen).toHaveLength(2);
  });

  it('keeps no answer of an endpoint that stood in for a better one', async () => {
    let isDown = true;
    const primary = await cached((response) => {
      if (isDown) answerJson(response, { type: 'error', error: { type: 'api_error' } }, 500);
      else void counted(response);
    });
    const small = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const named = (name: string, { endpoint: { url } }: Setup, priority: number): object => ({
      ...{ name, provider: 'Anthropic', baseURL: url, model: name, priority },
    });
    const endpoints = [named('large', primary, 0), named('small', small, 1)];
    primary.agent.runtime.configuration.offerPush(
      1,
      configuration(
        primary.endpoint.url,
        { cache: CACHE, endpoints: endpoints },
        { term: 1, counter: 2 },
      ),
    );
    const { url } = primary.agent;
    expect(told(await send(url))).toBe(MISS);
    expect(small.endpoint.seen).toHaveLength(1);
    isDown = false;
    expect(told(await send(url))).toBe(MISS);
    expect(small.endpoint.seen).toHaveLength(1);
    expect(told(await send(url))).toBe(WARM);
  });

  it('keeps answers of several preferred models apart, and serves either', async () => {
    const of = await cached(counted);
    const named = (name: string): object => ({
      ...{ name, provider: 'Anthropic', baseURL: of.endpoint.url, model: name },
    });
    const content = { cache: CACHE, endpoints: [named('a'), named('b')] as Content['endpoints'] };
    const whole = configuration(of.endpoint.url, content, { term: 1, counter: 2 });
    of.agent.runtime.configuration.offerPush(1, whole);
    const answers = [await send(of.agent.url), await send(of.agent.url)];
    expect(answers.map(told)).toEqual([MISS, WARM]);
  });

  it('is emptied by another resetToken and by hand', async () => {
    const of = await cached(counted);
    await send(of.agent.url);
    const page = await fetch(`${of.agent.debugUrl}/debug/cache`, { method: 'DELETE' });
    expect(await page.json()).toMatchObject({ cleared: true });
    expect(told(await send(of.agent.url))).toBe(MISS);
    expect(told(await send(of.agent.url))).toBe(WARM);
    const content = { cache: { ...CACHE, resetToken: 'now' } };
    of.agent.runtime.configuration.offerPush(
      1,
      configuration(of.endpoint.url, content, { term: 1, counter: 2 }),
    );
    expect(told(await send(of.agent.url))).toBe(MISS);
    expect(of.endpoint.seen).toHaveLength(3);
  });

  it('does not keep an answer that was under way when it was emptied', async () => {
    const { behaviour, release } = held(counted);
    const of = await cached(behaviour);
    const first = send(of.agent.url);
    await until(() => of.endpoint.seen.length === 1);
    await fetch(`${of.agent.debugUrl}/debug/cache`, { method: 'DELETE' });
    release();
    await first;
    expect(told(await send(of.agent.url))).toBe(MISS);
  });

  it('counts entries, bytes and look-ups', async () => {
    const of = await cached(counted);
    for (let i = 0; i < 4; i += 1) await send(of.agent.url);
    const page = await fetch(`${of.agent.debugUrl}/debug/cache`);
    expect(await page.json()).toMatchObject({
      mode: 'Exact',
      scope: 'PerPrincipal',
      hits: 3,
      misses: 1,
      hitRatio: 0.75,
      collapsed: 0,
      inFlight: 0,
      tiers: { hot: { entries: 1, hits: 2, maxEntries: 100, ttlMs: 60_000 }, warm: { hits: 1 } },
    });
  });
});

describe('identical requests at the same time', () => {
  it.each([
    ['answers', {}, counted],
    ['streams', STREAMED, (response: ServerResponse) => answerStream(response)],
  ])('make one call, whose %s all of them get', async (_, sent, answer) => {
    const { behaviour, release } = held(answer);
    const of = await cached(behaviour);
    const all = Array.from({ length: 10 }, () => send(of.agent.url, sent));
    await joined(of, 9);
    release();
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
    expect(answers.filter((each) => told(each) === MISS)).toHaveLength(1);
    expect(answers.filter((each) => told(each) === `${MISS}; collapsed`)).toHaveLength(9);
    expect(of.endpoint.seen).toHaveLength(1);
  });

  it('share an error too, which is not cached', async () => {
    const error = { type: 'error', error: { type: 'invalid_request_error', message: 'no' } };
    const { behaviour, release } = held((response) => answerJson(response, error, 400));
    const of = await cached(behaviour);
    const all = [send(of.agent.url), send(of.agent.url)];
    await joined(of, 1);
    release();
    const answers = await Promise.all(all);
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    expect(answers.map((each) => errorOf(each).message)).toEqual(['no', 'no']);
    expect(of.endpoint.seen).toHaveLength(1);
  });

  it('continue when the first client leaves, and end when the last one leaves', async () => {
    const { behaviour, release } = held(counted);
    const of = await cached(behaviour);
    const first = open(of.agent.url, {});
    first.on('error', () => undefined);
    first.end('{"model":"claude-test","messages":[]}');
    await until(() => of.endpoint.seen.length === 1);
    const second = send(of.agent.url);
    await joined(of, 1);
    first.destroy();
    await until(() => of.agent.runtime.lifecycle.openRequests === 1);
    expect(of.endpoint.seen[0]!.aborted).toBe(false);
    release();
    expect((await second).status).toBe(200);
    expect(of.endpoint.seen).toHaveLength(1);
  });

  it('are cancelled when all clients have left', async () => {
    const of = await cached(held(counted).behaviour);
    const both = [open(of.agent.url, {}), open(of.agent.url, {})];
    for (const [i, each] of both.entries()) {
      each.on('error', () => undefined);
      each.end('{"model":"claude-test","messages":[]}');
      if (i === 0) await until(() => of.endpoint.seen.length === 1);
    }
    await joined(of, 1);
    for (const each of both) each.destroy();
    await until(() => of.endpoint.seen[0]!.aborted);
    await until(async () => (await inFlight(of)).inFlight === 0);
  });

  it('give the beginning of a stream to a client that joins late', async () => {
    const gate = Promise.withResolvers<void>();
    const of = await cached(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 4).join(''));
      await gate.promise;
      response.end(STREAM.slice(4).join(''));
    });
    const early = send(of.agent.url, STREAMED);
    await until(() => of.endpoint.seen.length === 1);
    const late = send(of.agent.url, STREAMED);
    await joined(of, 1);
    gate.resolve();
    const bodies = (await Promise.all([early, late])).map(({ body }) => body.toString());
    expect(bodies).toEqual([STREAM.join(''), STREAM.join('')]);
  });

  it('of different clients are different calls', async () => {
    const { behaviour, release } = held(counted);
    const of = await cached(behaviour);
    const all = ['one', 'two'].map((key) => send(of.agent.url, { headers: { 'x-api-key': key } }));
    await until(() => of.endpoint.seen.length === 2);
    release();
    await Promise.all(all);
    expect(await inFlight(of)).toMatchObject({ collapsed: 0 });
  });
});
