import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ServerResponse } from 'node:http';
import type { Limit } from '../../contract/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import { open } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { STREAM, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const CAPACITY = 1_000_000;

const LIMITS: Limit[] = [INBOUND, 'model/primary'].flatMap((target) =>
  ['InputTokens', 'OutputTokens', 'TotalTokens'].map((resource) => ({
    ...{ target, policy: 'p', name: resource, resource, capacity: CAPACITY },
    refill: { amount: 1, perMs: 86_400_000 },
    ...{ maxKeys: 10, onLimit: 'Reject', maxWaitMs: 1, mode: 'Enforce', requires: [] },
  })),
);

const BODY = JSON.stringify({
  model: 'm',
  max_tokens: 1000,
  stream: true,
  messages: [{ role: 'user', content: 'x'.repeat(7000) }],
});
/** Tokens of the input that such a request reserves. */
const RESERVED = Math.ceil(BODY.length / 3.5);

/** What is taken from the limits of one target: input, output and both. */
function taken({ agent }: Pick<Setup, 'agent'>, wanted: string): number[] {
  const limits = agent.runtime.guard.stats().limits.filter(({ target }) => target === wanted);
  return limits.map(({ tokens }) => Math.round(CAPACITY - tokens));
}

/** Sends a request, leaves once `when` holds, and waits until nothing is in flight. */
async function leave(
  { agent }: Pick<Setup, 'agent'>,
  when: (received: string) => boolean,
): Promise<void> {
  let received = '';
  const request = open(agent.url, {});
  request.on('error', () => undefined);
  request.on('response', (response) => {
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => (received += chunk.toString()));
  });
  request.end(BODY);
  await until(() => when(received));
  request.destroy();
  await until(() => agent.runtime.guard.stats().circuits[0]!.inFlight === 0);
}

async function leaving(events: string[], headers = true): Promise<Setup> {
  const answer = (response: ServerResponse): void => {
    if (headers) response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (events.length > 0) response.write(events.join(''));
  };
  const context = await setup(cleanups, answer, { limits: LIMITS });
  const { endpoint } = context;
  const last = events.at(-1) ?? '';
  await leave(context, (received) => endpoint.seen.length > 0 && received.endsWith(last));
  return context;
}

const start = (usage: object): string => sse('message_start', { message: { usage } });
const delta = (text: string): string => sse('content_block_delta', { delta: { text } });

describe('a client that disconnects after its request was sent', () => {
  it.each([
    ['before anything came', [], false, [RESERVED, 0]],
    ['before the first text', [start({ output_tokens: 4 }), STREAM[1]!], true, [RESERVED, 4]],
    [
      'in the middle of the answer, for which it is charged as it was streamed',
      [start({ input_tokens: 10, output_tokens: 1 }), delta('é'.repeat(350))],
      true,
      [RESERVED, 200],
    ],
    [
      'when the provider has stated more',
      [
        start({ input_tokens: 5000, cache_creation_input_tokens: 500, output_tokens: 1 }),
        delta('short'),
        sse('message_delta', { delta: {}, usage: { output_tokens: 300 } }),
      ],
      true,
      [5500, 300],
    ],
  ])('%s, is charged what it reserved and got', async (_name, events, headers, [input, output]) => {
    const context = await leaving(events, headers);
    for (const target of [INBOUND, 'model/primary']) {
      expect([target, taken(context, target)]).toEqual([target, [input, output, input! + output!]]);
    }
  });

  it('pays nothing when no connection was made yet', async () => {
    // It never accepts: the connections in its backlog are full, so that the next one hangs.
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1, resolve));
    cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    // TLS over a server that says nothing: connected, but the request is not sent.
    const agent = await startRuntime(
      configuration(`https://127.0.0.1:${port}`, { limits: LIMITS }),
    );
    cleanups.add(() => agent.stop());
    let connected = false;
    server.on('connection', (socket) => {
      connected = true;
      cleanups.add(() => Promise.resolve(void socket.destroy()));
    });
    await leave({ agent }, () => connected);
    expect(taken({ agent }, 'model/primary')).toEqual([0, 0, 0]);
  });
});
