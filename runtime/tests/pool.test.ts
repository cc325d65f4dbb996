import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import { saidSeconds, send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { PATIENT, RETRY, broken, fine, startPool, status, streaming } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { Cleanups, STREAMED, errorOf } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { STREAM, answerJson, sse } from '../testing/upstream.ts';
import type { Parts } from '../testing/resolved.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const pool = (parts: Part[], content: Parts<Content> = {}): Promise<Pool> =>
  startPool(cleanups, parts, content);

const ask = ({ agent }: Pool, sent: Sent = {}): Promise<Answer> => send(agent.url, sent);
async function statuses(of: Pool, count: number, sent: Sent = {}): Promise<number[]> {
  const list: number[] = [];
  for (let i = 0; i < count; i += 1) list.push((await ask(of, sent)).status);
  return [...new Set(list)];
}

describe('a pool of endpoints', () => {
  it.each(['RoundRobin', 'LeastLoaded', 'Weighted', 'Random'])(
    'shares requests among those of the lowest priority by %s',
    async (loadBalancing) => {
      const parts: Part[] = [
        { name: 'a', does: fine, weight: 1 },
        { name: 'b', does: fine, weight: 3 },
        { name: 'spare', does: fine, priority: 1 },
      ];
      const context = await pool(parts, { loadBalancing });
      expect(await statuses(context, 80)).toEqual([200]);
      const { a = 0, b = 0, spare } = context.seen();
      expect(spare).toBe(0);
      if (loadBalancing === 'RoundRobin') expect([a, b]).toEqual([40, 40]);
      // One in four: 3 sigma are 12 of 80.
      else if (loadBalancing === 'Weighted') expect(Math.abs(a - 20)).toBeLessThan(13);
      else expect(Math.min(a, b)).toBeGreaterThan(20);
    },
  );

  it('survives an outage of its primary, and returns to it afterwards', async () => {
    const primary: Part = {
      name: 'primary',
      does: broken,
      circuit: { ...TOUCHY, trip: { consecutiveFailures: 3 }, openDurationMs: 2_000 },
    };
    const context = await pool([primary, { name: 'fallback', priority: 10, does: fine }]);
    expect(await statuses(context, 20)).toEqual([200]);
    expect(context.circuits()['model/primary']).toBe('Open');
    expect(context.circuits()['model/fallback']).toBe('Closed');
    expect(context.endpoints.primary!.seen.length).toBeLessThan(6);
    expect(await context.fallbacks()).toEqual([
      'fallbacks_total{from="model/primary",to="model/fallback"} 20',
    ]);
    primary.does = fine;
    const before = context.seen().fallback;
    await until(async () => {
      expect((await ask(context)).status).toBe(200);
      return context.circuits()['model/primary'] === 'Closed';
    });
    await statuses(context, 5);
    const after = context.seen().fallback!;
    expect(await statuses(context, 5)).toEqual([200]);
    expect(context.seen().fallback).toBe(after);
    expect(after).toBeGreaterThanOrEqual(before!);
  });

  it('uses another endpoint for the hour that the provider asks for', async () => {
    const primary: Part = {
      name: 'primary',
      key: 'k1',
      does: status(429, { 'retry-after': '3600' }),
    };
    const spare: Part = { name: 'spare', key: 'k2', priority: 1, does: fine };
    const context = await pool([primary, spare]);
    expect(await statuses(context, 5)).toEqual([200]);
    expect(context.seen()).toEqual({ primary: 1, spare: 5 });
    expect(context.circuits()['model/primary']).toBe('Closed');
    expect(context.endpoints.spare!.seen[0]!.headers['x-api-key']).toBe('k2');
  });

  it.each([401, 402])('moves on after a %i to another credential only', async (code) => {
    const context = await pool([
      { name: 'primary', key: 'k1', does: status(code) },
      { name: 'same', key: 'k1', priority: 1, does: fine },
      { name: 'other', key: 'k2', priority: 2, does: fine },
    ]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 1, same: 0, other: 1 });
  });

  it('does not move on with a refused credential of the client', async () => {
    const context = await pool([
      { name: 'primary', does: status(401) },
      { name: 'spare', priority: 1, does: fine },
    ]);
    expect((await ask(context, { headers: { 'x-api-key': 'bad' } })).status).toBe(401);
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
  });

  it.each([400, 403, 404, 413, 422])('does not move on after a %i', async (code) => {
    const context = await pool([
      { name: 'primary', does: status(code) },
      { name: 'spare', priority: 1, does: fine },
    ]);
    expect((await ask(context)).status).toBe(code);
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
  });

  it('retries at an endpoint that fails before it falls back, but not at one that is overloaded', async () => {
    const primary: Part = { name: 'primary', does: status(503) };
    const context = await pool([primary, { name: 'spare', priority: 1, does: fine }]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 2, spare: 1 });
    primary.does = status(529);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 3, spare: 2 });
  });

  it('moves at once to an endpoint of the same priority', async () => {
    const context = await pool(
      [
        { name: 'a', does: status(503) },
        { name: 'b', does: fine },
        { name: 'spare', priority: 1, does: fine },
      ],
      { loadBalancing: 'RoundRobin' },
    );
    expect(await statuses(context, 4)).toEqual([200]);
    expect(context.seen()).toMatchObject({ b: 4, spare: 0 });
  });

  it('falls back when the first token does not come in time', async () => {
    const silent: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(sse('ping'));
    };
    const context = await pool(
      [
        { name: 'primary', does: silent },
        { name: 'spare', priority: 1, does: streaming },
      ],
      {
        timeouts: { connectMs: 1000, requestMs: 20_000, streamMs: 3_600_000, firstTokenMs: 1_000 },
      },
    );
    const answer = await ask(context, STREAMED);
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(context.seen()).toEqual({ primary: 1, spare: 1 });
  });

  it('never falls back once the client has seen content', async () => {
    const cut: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 2).join(''), () => response.destroy());
    };
    const context = await pool([
      { name: 'primary', does: cut },
      { name: 'spare', priority: 1, does: streaming },
    ]);
    const answer = await ask(context, STREAMED);
    expect(answer.body.toString()).toContain('event: error');
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
  });

  it('serves a request at another endpoint if one is full', async () => {
    const held: ServerResponse[] = [];
    const context = await pool([
      { name: 'primary', maxConcurrent: 1, does: (response) => void held.push(response) },
      { name: 'spare', priority: 1, does: fine },
    ]);
    const first = ask(context);
    await until(() => held.length === 1);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 1, spare: 1 });
    fine(held[0]!);
    expect((await first).status).toBe(200);
  });

  it('waits at a full endpoint if there is no other', async () => {
    const held: ServerResponse[] = [];
    const shut = { ...PATIENT, override: { state: 'Open' as const } };
    const context = await pool([
      { name: 'primary', maxConcurrent: 1, does: (response) => void held.push(response) },
      { name: 'spare', priority: 1, does: fine, circuit: shut },
    ]);
    const answers = [ask(context), ask(context)];
    const { guard } = context.agent.runtime;
    await until(() => held.length === 1 && guard.stats().bulkheads[1]?.queued === 1);
    fine(held[0]!);
    await until(() => held.length === 2);
    fine(held[1]!);
    expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([200, 200]);
    expect(context.seen()).toEqual({ primary: 2, spare: 0 });
  });

  it('returns the last error when all have failed', async () => {
    const context = await pool([
      { name: 'primary', does: status(500) },
      { name: 'spare', priority: 1, does: status(529, { 'retry-after': '7' }) },
    ]);
    const answer = await ask(context);
    expect([answer.status, answer.headers['retry-after']]).toEqual([529, '7']);
    expect(context.seen()).toEqual({ primary: 2, spare: 1 });
  });

  it('states when the first of them may serve again if none does', async () => {
    const context = await pool([
      { name: 'primary', does: status(500), circuit: TOUCHY },
      {
        name: 'spare',
        priority: 1,
        does: status(500),
        circuit: { ...TOUCHY, openDurationMs: 30_000 },
      },
    ]);
    await ask(context);
    expect(Object.values(context.circuits())).toEqual(['Open', 'Open']);
    const answer = await ask(context);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      503,
      'CircuitBreakerOpen',
    ]);
    expect(errorOf(answer).message).toMatch(
      /^The circuit of model\/spare is open\. It admits a probe in \d+ s; another/,
    );
    expect(saidSeconds(answer)).toBeGreaterThan(20);
    expect(saidSeconds(answer)).toBeLessThanOrEqual(36);
  });

  it('skips an endpoint whose key is missing, and reports it if there is no other', async () => {
    const credential = { path: '/nowhere', secret: 'absent', key: 'api-key' };
    const primary: Part = { name: 'primary', credential, does: fine };
    const context = await pool([primary, { name: 'spare', priority: 1, does: fine }]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 0, spare: 1 });
    const alone = await pool([primary, { name: 'second', credential, does: fine }]);
    const answer = await ask(alone);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      503,
      'CredentialRefused',
    ]);
    expect(errorOf(answer).message).toContain('Secret absent lacks api-key');
  });

  it('asks each endpoint for its own model and at most its own tokens', async () => {
    const primary: Part = { name: 'primary', model: 'large', does: status(529) };
    const spare: Part = { name: 'spare', priority: 1, model: 'small', maxTokens: 1000, does: fine };
    const context = await pool([primary, spare]);
    const body = '{"max_tokens" : 8000, "model":"mine", "x":{"max_tokens":9000}}';
    await ask(context, { body });
    const bodyOf = (name: string): string => context.endpoints[name]!.seen[0]!.body.toString();
    expect(bodyOf('primary')).toBe(body.replace('mine', 'large'));
    expect(bodyOf('spare')).toBe(body.replace('mine', 'small').replace('8000', '1000'));
    await ask(context, { body: '{"max_tokens":999}' });
    expect(context.endpoints.spare!.seen[1]!.body.toString()).toBe('{"max_tokens":999}');
  });

  it('shows the state of each on the debug port', async () => {
    const credential = { path: '/nowhere', secret: 'absent', key: 'api-key' };
    const shut = { ...PATIENT, override: { state: 'Open' as const } };
    const { agent } = await pool([
      { name: 'primary', key: 'very-secret', does: fine, weight: 3, maxConcurrent: 4 },
      { name: 'spare', priority: 1, does: fine, circuit: shut },
      { name: 'keyless', priority: 2, does: fine, credential },
    ]);
    const page = await send(agent.debugUrl, { method: 'GET', path: '/debug/endpoints', body: '' });
    const text = page.body.toString();
    expect(text).not.toContain('very-secret');
    expect(JSON.parse(text)).toMatchObject({
      loadBalancing: 'LeastLoaded',
      affinity: { mode: 'Automatic', sessionsAway: 0 },
      endpoints: [
        { name: 'primary', dependency: 'model/primary', availability: 'Usable', calls: 0, load: 0 },
        { name: 'spare', dependency: 'model/spare', availability: 'Shut', priority: 1 },
        { name: 'keyless', dependency: 'model/keyless', availability: 'KeyMissing' },
      ],
    });
  });
});

describe('the rest of the model’s API', () => {
  const list: Behaviour = (response) => answerJson(response, { data: [], has_more: false });

  it.each([
    ['GET', '/v1/models?limit=5&beta=true'],
    ['GET', '/v1/models/claude-test-4.5'],
    ['POST', '/v1/messages/count_tokens?beta=true'],
  ])('forwards %s %s', async (method, path) => {
    const parts: Part[] = [
      { name: 'primary', model: 'mine', key: 'k1', does: status(529) },
      { name: 'spare', model: 'other', key: 'k2', priority: 1, does: list },
    ];
    const context = await pool(parts);
    const body = method === 'GET' ? '' : '{"model":"x" , "messages":[]}';
    const answer = await ask(context, { method, path, body });
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
      200,
      { data: [], has_more: false },
    ]);
    const [seen] = context.endpoints.spare!.seen;
    expect(seen!.url).toBe(path);
    expect(seen!.headers['x-api-key']).toBe('k2');
    expect(seen!.body.toString()).toBe(body.replace('"x"', '"other"'));
    expect(context.agent.runtime.guard.stats().circuits[0]!.failures).toEqual({ Overloaded: 1 });
  });

  it('counts an answer without JSON as a failure of the endpoint', async () => {
    const html: Behaviour = (response) => response.writeHead(200).end('<html>');
    const context = await pool([{ name: 'primary', does: html }], {
      retry: { ...RETRY, maxAttempts: 1 },
    });
    const answer = await ask(context, { method: 'GET', path: '/v1/models', body: '' });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      502,
      'InvalidResponse',
    ]);
  });

  it.each([
    ['GET', '/v1/models/..'],
    ['GET', '/v1/models/a%2f..%2fb'],
    ['GET', '/v1/models/a/../b'],
    ['POST', '/v1/models'],
    ['GET', '/v1/messages'],
  ])('does not forward %s %s', async (method, path) => {
    const context = await pool([{ name: 'primary', does: list }]);
    const { port } = new URL(context.agent.url);
    const raw = request({ host: '127.0.0.1', port, method, path, agent: false });
    raw.end();
    const [response] = (await once(raw, 'response')) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, context.seen()]).toEqual([404, { primary: 0 }]);
  });
});
