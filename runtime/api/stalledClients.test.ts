import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { listen } from './listen.ts';
import { cutStalledClients } from './stalledClients.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const STALLED_MS = 200;
const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** A client of a server that cuts stalled clients. It reads nothing by itself. */
async function scene(
  answer: (response: ServerResponse) => void,
): Promise<{ client: Socket; response: () => ServerResponse; ask(): void }> {
  const answers = new WeakMap<Socket, ServerResponse>();
  let last: ServerResponse | undefined;
  const server = createServer({ keepAliveTimeout: STALLED_MS }, (request, response) => {
    answers.set(request.socket, response);
    last = response;
    answer(response);
  });
  cutStalledClients(server, STALLED_MS, (socket) => answers.get(socket));
  await listen(server, 0, '127.0.0.1');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  cleanups.add(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  client.pause();
  const ask = (): void => void client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  ask();
  await until(() => last !== undefined);
  return { client, response: () => last!, ask };
}

/** Writes as fast as the client reads. */
function flood(response: ServerResponse): void {
  while (response.write(CHUNK));
  response.once('drain', () => flood(response));
}

describe('a client', () => {
  it('that reads nothing while bytes wait is cut', async () => {
    const { response } = await scene(flood);
    if (!response().closed) await once(response(), 'close');
    expect(response().destroyed).toBe(true);
  });

  it('that reads slowly gets all', async () => {
    const { client } = await scene((response) => response.end(Buffer.alloc(16 * MIB)));
    let read = 0;
    let pause = MIB;
    client.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read >= pause) client.pause();
    });
    // A part of what waits, twice in each period.
    const timer = setInterval(() => {
      pause = read + MIB;
      client.resume();
    }, STALLED_MS / 2);
    cleanups.add(() => Promise.resolve(clearInterval(timer)));
    await until(() => read >= 16 * MIB || client.destroyed);
    expect(client.destroyed).toBe(false);
  });

  it('that waits for its answer is not cut', async () => {
    const { client } = await scene((response) => {
      setTimeout(() => response.end('late'), 3 * STALLED_MS);
    });
    let text = '';
    client.on('data', (chunk: Buffer) => (text += chunk.toString())).resume();
    await until(() => text.endsWith('late\r\n0\r\n\r\n') || text.endsWith('late'));
  });

  it('that has its answer keeps its connection for the usual time only', async () => {
    const { client } = await scene((response) => response.end('done'));
    client.resume();
    await once(client, 'close');
  });
});
