import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED, circuit, failures, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { MESSAGE, answerJson, answerStream } from '../testing/upstream.ts';
import { listen } from '../api/listen.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Every failure reaches the client. */
const ONE_ATTEMPT: Partial<Content> = {
  retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 100, minPerSecond: 1 },
};

type Respond = (response: ServerResponse) => void;

const well: Respond = (response) => answerJson(response, MESSAGE);
const streams: Respond = (response) => answerStream(response);

/** Ways to close a connection that a request has just come over. */
const CLOSINGS: [string, Respond][] = [
  ['an end', ({ socket }) => void socket!.end()],
  ['a reset', ({ socket }) => void socket!.resetAndDestroy()],
];

/** An endpoint that answers the first request of a connection with `first` and any other with `later`. */
async function byTurn(first: Respond, later: Respond): Promise<Setup & { connections: number[] }> {
  const known = new Map<Socket, number>();
  /** Of each request, the number of its connection. */
  const connections: number[] = [];
  const answer: Respond = (response) => {
    const socket = response.socket!;
    const used = known.has(socket);
    if (!used) known.set(socket, known.size + 1);
    connections.push(known.get(socket)!);
    (used ? later : first)(response);
  };
  return { ...(await setup(cleanups, answer, ONE_ATTEMPT)), connections };
}

describe('a kept connection that the endpoint closes while a request is written to it', () => {
  it.each(CLOSINGS)('is no failure, and the request is sent again: by %s', async (_, closing) => {
    const started = await byTurn(well, closing);
    for (let i = 0; i < 3; i += 1) {
      expect((await send(started.agent.url)).status).toBe(200);
    }
    // The connection that a request is sent over again is not kept.
    expect(started.connections).toEqual([1, 1, 2, 3]);
    expect(failures(started)).toEqual({});
  });

  it.each(CLOSINGS)('is no failure of a stream either: by %s', async (_, closing) => {
    const started = await byTurn(streams, closing);
    for (let i = 0; i < 2; i += 1) {
      const answer = await send(started.agent.url, STREAMED);
      expect([answer.status, answer.body.toString().includes('message_stop')]).toEqual([200, true]);
    }
    expect(failures(started)).toEqual({});
  });

  it('does not affect requests over other connections', async () => {
    const started = await byTurn(well, CLOSINGS[1]![1]);
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(Array.from({ length: 25 }, () => send(started.agent.url)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
    expect(failures(started)).toEqual({});
    expect(circuit(started)).toBe('Closed');
  });
});

describe('a kept connection that breaks after the provider has worked', () => {
  /** Longer than a stale connection takes to show. */
  const WORKED_MS = 200;
  const NO_BUDGET: Partial<Content> = {
    retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 0, minPerSecond: 0 },
  };

  it('is a failed attempt: without a budget 10 requests make 10 calls', async () => {
    const known = new Set<Socket>();
    let calls = 0;
    const started = await setup(
      cleanups,
      (response) => {
        calls += 1;
        const socket = response.socket!;
        if (known.has(socket)) setTimeout(() => socket.destroy(), WORKED_MS);
        else well(response);
        known.add(socket);
      },
      NO_BUDGET,
    );
    for (let i = 0; i < 10; i += 1) {
      expect((await send(started.agent.url)).status).toBe(i % 2 === 0 ? 200 : 502);
    }
    expect(calls).toBe(10);
    expect(failures(started)).toEqual({ Connection: 5 });
  });

  it('before the request was wholly written is none, and the request is sent again', async () => {
    const known = new Set<Socket>();
    const heads: string[] = [];
    const server = createHttpServer((request, response) => {
      const { socket } = request;
      heads.push(request.headers['content-length']!);
      if (known.has(socket)) {
        socket.pause();
        setTimeout(() => socket.destroy(), WORKED_MS);
        return;
      }
      known.add(socket);
      request.on('end', () => well(response)).resume();
    });
    await listen(server, 0, '127.0.0.1');
    cleanups.add(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const agent = await startRuntime(configuration(url, NO_BUDGET));
    cleanups.add(() => agent.stop());
    expect((await send(agent.url)).status).toBe(200);
    // More than the buffers of a connection hold.
    const body = JSON.stringify({ model: 'm', messages: 'x'.repeat(16 * 1024 * 1024) });
    expect((await send(agent.url, { body })).status).toBe(200);
    expect(heads).toEqual([heads[0], String(body.length), String(body.length)]);
    expect(agent.runtime.guard.stats().circuits[0]!.failures).toEqual({});
  });
});

describe('a connection that breaks otherwise is a failure', () => {
  it('when it is new', async () => {
    const [, reset] = CLOSINGS[1]!;
    const started = await byTurn(reset, reset);
    expect((await send(started.agent.url)).status).toBe(502);
    expect(started.connections).toEqual([1]);
    expect(failures(started)).toEqual({ Connection: 1 });
  });

  it('when a part of the answer has come', async () => {
    const started = await byTurn(well, ({ socket }) => void socket!.end('HTTP/1.1 2'));
    expect((await send(started.agent.url)).status).toBe(200);
    expect((await send(started.agent.url)).status).toBe(502);
    expect(started.connections).toEqual([1, 1]);
    expect(failures(started)).toEqual({ Connection: 1 });
  });

  it('when the new one breaks as well', async () => {
    let healthy = true;
    const [, reset] = CLOSINGS[1]!;
    const started = await byTurn((response) => (healthy ? well : reset)(response), reset);
    expect((await send(started.agent.url)).status).toBe(200);
    healthy = false;
    expect((await send(started.agent.url)).status).toBe(502);
    expect(started.connections).toEqual([1, 1, 2]);
    expect(failures(started)).toEqual({ Connection: 1 });
  });

  it('when it is not made in time, and so is the answer', async () => {
    // It accepts, and never shakes hands over TLS.
    const mute = createServer();
    const open = new Set<Socket>();
    mute.on('connection', (socket) => open.add(socket));
    await listen(mute, 0, '127.0.0.1');
    cleanups.add(async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    });
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const timeouts = { connectMs: 100, requestMs: 20_000 };
    const agent = await startRuntime(configuration(url, { ...ONE_ATTEMPT, timeouts }));
    cleanups.add(() => agent.stop());
    const { status, headers } = await send(agent.url);
    expect([status, headers['x-breakwater-reason']]).toEqual([502, 'UpstreamUnreachable']);
    expect(agent.runtime.guard.stats().circuits[0]!.failures).toEqual({ Connection: 1 });
    expect(open.size).toBe(1);
  });
});
