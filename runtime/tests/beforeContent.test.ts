import { afterEach, describe, expect, it } from '@jest/globals';
import { send } from '../testing/client.ts';
import { RETRY, startPool, streaming } from '../testing/pool.ts';
import type { Behaviour } from '../testing/pool.ts';
import { Cleanups, STREAMED } from '../testing/setup.ts';
import { STREAM, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Sends message_start and pings, then does something else. */
const begins =
  (then: Behaviour): Behaviour =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_primary' });
    response.write(STREAM[0]! + sse('ping') + sse('ping'), () => then(response));
  };
const error = (type: string): string => sse('error', { error: { type, message: 'no' } });

const FAILURES: [string, Behaviour][] = [
  ['silence', () => undefined],
  ['an overloaded_error', (response) => response.end(error('overloaded_error'))],
  ['an api_error', (response) => response.end(error('api_error'))],
  ['a rate_limit_error', (response) => response.end(error('rate_limit_error'))],
  ['a break', (response) => response.destroy()],
  ['an end', (response) => response.end()],
  ['garbage', (response) => response.end('event: content_block_start\ndata: {{{\n\n')],
];

const timeouts = { connectMs: 1000, requestMs: 20_000, firstTokenMs: 300 };

describe('a stream that has begun without content', () => {
  it.each(FAILURES)('moves to another endpoint after %s', async (_name, then) => {
    const context = await startPool(
      cleanups,
      [
        { name: 'primary', does: begins(then) },
        { name: 'spare', priority: 1, does: streaming },
      ],
      { timeouts, retry: { ...RETRY, maxAttempts: 1 } },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect([answer.status, answer.headers['request-id']]).toEqual([200, undefined]);
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(context.seen()).toEqual({ primary: 1, spare: 1 });
  });

  it('has a status that SDKs retry when it fails and there is no other endpoint', async () => {
    for (const [status, then] of [
      [504, FAILURES[0]![1]],
      [502, FAILURES[4]![1]],
    ] as const) {
      const context = await startPool(cleanups, [{ name: 'primary', does: begins(then) }], {
        timeouts,
        retry: { ...RETRY, maxAttempts: 1 },
      });
      expect((await send(context.agent.url, STREAMED)).status).toBe(status);
    }
  });

  it('reaches the client when more than 64 KiB of it are held', async () => {
    const pings = sse('ping').repeat(2000);
    const context = await startPool(
      cleanups,
      [
        {
          name: 'primary',
          does: begins((response) => response.write(pings, () => response.destroy())),
        },
      ],
      { timeouts, retry: { ...RETRY, maxAttempts: 1 } },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toMatch(/event: error\n.*broke off/);
  });

  it('and ends without any, as an empty answer does, is whole', async () => {
    const rest = STREAM.slice(-2).join('');
    const context = await startPool(cleanups, [
      { name: 'primary', does: begins((response) => response.end(rest)) },
    ]);
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.body.toString()).toBe(STREAM[0]! + sse('ping') + sse('ping') + rest);
  });
});
