/** Requests that ask for no message, such as counts of tokens, while a provider hangs. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { open, send } from '../testing/client.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import type { Seen } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const COUNT = '/v1/messages/count_tokens';

/** Answers messages and leaves everything else without an answer. */
function onlyMessages(response: ServerResponse, { url }: Seen): void {
  if (url === '/v1/messages') answerJson(response, MESSAGE);
}

/** Sends a count of tokens and does not wait for its answer. */
function count({ agent }: Setup): void {
  const request = open(agent.url, { path: COUNT });
  request.on('error', () => undefined);
  request.end('{"model":"m","messages":[]}');
  cleanups.add(() => Promise.resolve(void request.destroy()));
}

const BULKHEAD = { maxConcurrent: 8, maxQueued: 100, acquireTimeoutMs: 5000 };

describe('counts of tokens that hang', () => {
  it('take at most a quarter of the bulkhead, so that messages are served', async () => {
    const context = await setup(cleanups, onlyMessages, { bulkhead: BULKHEAD });
    for (let i = 0; i < 2; i += 1) count(context);
    await until(() => context.endpoint.seen.length === 2);
    const third = await send(context.agent.url, { path: COUNT });
    expect([third.status, third.headers['x-breakwater-reason']]).toEqual([503, 'BulkheadFull']);
    for (let i = 0; i < 3; i += 1) expect((await send(context.agent.url)).status).toBe(200);
  });

  it('free their places in the bulkhead when they end', async () => {
    const context = await setup(cleanups, (response) => answerJson(response, { input_tokens: 1 }), {
      bulkhead: { ...BULKHEAD, maxConcurrent: 1 },
    });
    for (let i = 0; i < 5; i += 1) {
      expect((await send(context.agent.url, { path: COUNT })).status).toBe(200);
    }
  });

  it('have their timeout from the end of their body on', async () => {
    const context = await setup(cleanups, (response) => answerJson(response, { input_tokens: 1 }), {
      timeouts: { connectMs: 1000, requestMs: 1000 },
    });
    const request = open(context.agent.url, { path: COUNT });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    request.write('{"model":"m",');
    const began = performance.now();
    await until(() => performance.now() - began > 1300);
    request.end('"messages":[]}');
    const [response] = await answered;
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it('end after 10 s, whatever the timeout of messages', async () => {
    const context = await setup(cleanups, onlyMessages, {
      timeouts: { connectMs: 1000, requestMs: 300_000, streamMs: 3_600_000 },
    });
    const began = performance.now();
    const answer = await send(context.agent.url, { path: COUNT });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([504, 'Timeout']);
    expect(performance.now() - began).toBeGreaterThan(9000);
  }, 40_000);
});
