/** Agents whose endpoints speak OpenAI's protocol. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import {
  CHUNKS,
  COMPLETION,
  DONE,
  RESPONSE,
  RESPONSE_EVENTS,
  USAGE_CHUNK,
  chunk,
  data,
  failedEvent,
} from '../testing/openai.ts';
import { startPool } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { limitOf } from '../testing/guardFixture.ts';
import type { Parts } from '../testing/resolved.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerJson, answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

function pool(parts: Part[], content: Parts<Content> = {}): Promise<Pool> {
  const ofOpenAI = parts.map((part) => ({ ...part, provider: 'OpenAI' }));
  return startPool(cleanups, ofOpenAI, content);
}

const CHAT = '/v1/chat/completions';
const RESPONSES = '/v1/responses';

function ask(
  { agent }: Pool,
  request: object = {},
  path = CHAT,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const prompt = path === CHAT ? { messages: [{ role: 'user', content: 'Hi' }] } : { input: 'Hi' };
  return send(agent.url, {
    path,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gpt-test', ...prompt, ...request }),
  });
}

const completion: Behaviour = (response) => answerJson(response, COMPLETION);
const chunks: Behaviour = (response) => answerStream(response, [...CHUNKS, DONE]);
const failing =
  (status: number, error: object = {}): Behaviour =>
  (response) =>
    answerJson(response, { error: { message: 'no', type: 'x', code: null, ...error } }, status);
const streaming =
  (...events: string[]): Behaviour =>
  (response) =>
    answerStream(response, events);

const errorOf = ({ body }: Answer): unknown =>
  (JSON.parse(body.toString()) as { error: unknown }).error;

describe('a chat completion', () => {
  it('passes unchanged, streamed and not, with the key of the endpoint as a bearer token', async () => {
    const context = await pool([
      { name: 'primary', key: 'sk-1', credentialScheme: 'Bearer', does: completion },
    ]);
    const answer = await ask(context, {}, CHAT, { authorization: 'Bearer client', 'api-key': 'c' });
    expect(JSON.parse(answer.body.toString())).toEqual(COMPLETION);
    const [seen] = context.endpoints.primary!.seen;
    expect(seen!.url).toBe(CHAT);
    expect(seen!.headers.authorization).toBe('Bearer sk-1');
    expect(seen!.headers['api-key']).toBeUndefined();

    const streamed = await pool([{ name: 'primary', does: chunks }]);
    const stream = await ask(streamed, { stream: true });
    expect(stream.body.toString()).toBe([...CHUNKS, DONE].join(''));
    expect(JSON.parse(streamed.endpoints.primary!.seen[0]!.body.toString())).not.toHaveProperty('stream_options'); // prettier-ignore
  });

  it('sends Azure its key as api-key', async () => {
    const context = await pool([
      { name: 'azure', key: 'k', credentialScheme: 'APIKey', does: completion },
    ]);
    await ask(context);
    expect(context.endpoints.azure!.seen[0]!.headers['api-key']).toBe('k');
  });

  it.each<[string, Behaviour]>([
    ['a 500', failing(500)],
    ['a 503', failing(503)],
    ['a 429', failing(429, { code: 'rate_limit_exceeded' })],
    ['a spent quota', failing(429, { code: 'insufficient_quota' })],
    ['a refused key', failing(401, { code: 'invalid_api_key' })],
    ['an answer that is no completion', (response) => answerJson(response, { ok: true })],
    ['a broken connection', (response) => response.destroy()],
    ['an error with a status of success', failing(200, { type: 'server_error' })],
    ['a prompt that is too long', failing(400, { code: 'context_length_exceeded' })],
  ])('moves to another endpoint after %s', async (_, does) => {
    const context = await pool([
      { name: 'primary', key: 'a', contextTokens: 1000, does },
      { name: 'spare', key: 'b', priority: 1, contextTokens: 100_000, does: completion },
    ]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toMatchObject({ spare: 1 });
  });

  it('that a content filter refuses is the client’s own error', async () => {
    const filtered = failing(400, { code: 'content_filter' });
    const context = await pool([
      { name: 'primary', does: filtered },
      { name: 'spare', priority: 1, does: completion },
    ]);
    const answer = await ask(context);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'content_filter' });
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
  });
});

describe('a stream of a chat completion', () => {
  it.each([
    ['an error first', [data({ error: { message: 'CUDA', code: 500 } })]],
    ['an error before any text', [CHUNKS[0]!, data({ error: { message: 'x' } })]],
    ['nothing but its end', [DONE]],
    ['no event', []],
  ])('with %s moves to another endpoint', async (_, events) => {
    const context = await pool([
      { name: 'primary', does: streaming(...events) },
      { name: 'spare', priority: 1, does: chunks },
    ]);
    const answer = await ask(context, { stream: true });
    expect(answer.body.toString()).toBe([...CHUNKS, DONE].join(''));
  });

  it('gets the missing [DONE] if its choice has ended, else an error', async () => {
    const ended = await pool([{ name: 'primary', does: streaming(...CHUNKS) }]);
    const whole = await ask(ended, { stream: true });
    expect(whole.body.toString()).toBe([...CHUNKS, DONE].join(''));
    const cut = await pool([{ name: 'primary', does: streaming(...CHUNKS.slice(0, 2)) }]);
    const text = (await ask(cut, { stream: true })).body.toString();
    expect(text.startsWith(CHUNKS.slice(0, 2).join(''))).toBe(true);
    expect(text).toMatch(/data: \{"error":\{"message":".*broke off/);
    expect(text).not.toContain('[DONE]');
  });

  it('under a limit on tokens asks for its usage and keeps it from the client', async () => {
    const limits = [
      limitOf({
        target: 'inbound',
        resource: 'TotalTokens',
        refill: { amount: 1, perMs: 600_000 },
        capacity: 10_000,
      }),
    ];
    const context = await pool(
      [{ name: 'primary', does: streaming(...CHUNKS, USAGE_CHUNK, DONE) }],
      { limits },
    );
    const answer = await ask(context, { stream: true });
    expect(answer.body.toString()).toBe([...CHUNKS, DONE].join(''));
    const [seen] = context.endpoints.primary!.seen;
    expect(JSON.parse(seen!.body.toString())).toMatchObject({
      stream_options: { include_usage: true },
    });
    const { guard, lifecycle } = context.agent.runtime;
    await until(() => lifecycle.openRequests === 0);
    expect(guard.stats().limits[0]!.tokens).toBeCloseTo(10_000 - 11, 0);
    const asked = await ask(context, { stream: true, stream_options: { include_usage: true } });
    expect(asked.body.toString()).toBe([...CHUNKS, USAGE_CHUNK, DONE].join(''));
  });

  it('passes comments and long texts event by event under a limit on tokens', async () => {
    const limits = [limitOf({ target: 'inbound', resource: 'TotalTokens', capacity: 1e6 })];
    const long = chunk({ content: 'x'.repeat(70_000) });
    const before = [': PROCESSING\n\n', CHUNKS[0]!, long, ': still\r\n\r\n', CHUNKS[3]!];
    const context = await pool(
      [{ name: 'primary', does: streaming(...before, USAGE_CHUNK, DONE) }],
      { limits },
    );
    expect((await ask(context, { stream: true })).body.toString()).toBe([...before, DONE].join(''));
  });
});

describe('a response', () => {
  it('passes unchanged, streamed and not', async () => {
    const context = await pool([{ name: 'primary', does: streaming(...RESPONSE_EVENTS) }]);
    const stream = await ask(context, { stream: true }, RESPONSES);
    expect(stream.body.toString()).toBe(RESPONSE_EVENTS.join(''));
    const plain = await pool([{ name: 'a', does: (response) => answerJson(response, RESPONSE) }]);
    expect(JSON.parse((await ask(plain, {}, RESPONSES)).body.toString())).toEqual(RESPONSE);
  });

  it('that fails before its content moves to another endpoint', async () => {
    const failed = failedEvent({ code: 'server_error', message: 'x' });
    const context = await pool([
      { name: 'primary', does: streaming(RESPONSE_EVENTS[0]!, failed) },
      { name: 'spare', priority: 1, does: streaming(...RESPONSE_EVENTS) },
    ]);
    const answer = await ask(context, { stream: true }, RESPONSES);
    expect(answer.body.toString()).toBe(RESPONSE_EVENTS.join(''));
  });

  it('that breaks off ends with an error, and never with an end of ours', async () => {
    const context = await pool([
      { name: 'primary', does: streaming(...RESPONSE_EVENTS.slice(0, 3)) },
    ]);
    const text = (await ask(context, { stream: true }, RESPONSES)).body.toString();
    expect(text).toContain('event: error');
    expect(text).not.toContain('response.completed');
  });

  it('that continues another one stays at the first endpoint', async () => {
    const context = await pool([
      { name: 'primary', does: failing(500) },
      { name: 'spare', priority: 1, does: (response) => answerJson(response, RESPONSE) },
    ]);
    const answer = await ask(context, { previous_response_id: 'resp_0' }, RESPONSES);
    expect(answer.status).toBe(500);
    expect(context.seen().spare).toBe(0);
    expect((await ask(context, {}, RESPONSES)).status).toBe(200);
  });
});

describe('an agent for OpenAI’s clients', () => {
  it('refuses in their form while the circuit is open', async () => {
    const context = await pool([{ name: 'primary', circuit: TOUCHY, does: failing(500) }], {
      retry: { maxAttempts: 1, budgetPercent: 0, minPerSecond: 0, baseDelayMs: 1, maxDelayMs: 1 },
    });
    await until(async () => {
      const answer = await ask(context);
      return answer.headers['x-breakwater-reason'] === 'CircuitBreakerOpen';
    });
    const answer = await ask(context);
    expect(answer.status).toBe(503);
    expect(errorOf(answer)).toMatchObject({ type: 'server_error', code: 'CircuitBreakerOpen' });
  });

  it('holds calls back as the provider’s limits say', async () => {
    const context = await pool([
      {
        name: 'primary',
        key: 'k',
        does: (response) => {
          response.setHeader('x-ratelimit-remaining-requests', '0');
          response.setHeader('x-ratelimit-limit-requests', '60');
          response.setHeader('x-ratelimit-reset-requests', '6m0s');
          answerJson(response, COMPLETION);
        },
      },
    ]);
    expect((await ask(context)).status).toBe(200);
    const answer = await ask(context);
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([429, 'RateLimited']);
    expect(errorOf(answer)).toMatchObject({ type: 'rate_limit_error', code: 'RateLimited' });
  });

  it.each([
    ['POST', '/v1/messages', /OpenAI's protocol.*POST \/v1\/chat\/completions/s],
    ['POST', '/v1/conversations', /OpenAI's protocol/],
    ['POST', '/v1/embeddings', /spec\.routes/],
  ])('says what it serves instead of %s %s', async (method, path, message) => {
    const context = await pool([{ name: 'primary', does: completion }]);
    const answer = await send(context.agent.url, { method, path, body: '{}' });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toMatch(message);
  });

  it('lists models, and takes JSON with one member of each name', async () => {
    const context = await pool([{ name: 'primary', does: completion }]);
    const listed = await send(context.agent.url, { method: 'GET', path: '/v1/models', body: '' });
    expect(listed.status).toBe(200);
    const twice = '{"model":"a","model":"b","messages":[]}';
    const answer = await send(context.agent.url, { path: CHAT, body: twice });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error' });
  });
});

it('an agent for clients of the Messages API answers others in their form', async () => {
  const context = await startPool(cleanups, [{ name: 'primary', does: completion }]);
  const answer = await ask(context);
  expect(answer.status).toBe(404);
  expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code: 'NotFound' });
  expect(answer.body.toString()).toContain('provider: OpenAI');
});
