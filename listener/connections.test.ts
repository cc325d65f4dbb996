import { afterEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { until } from '../runtime/testing/until.ts';
import { Connections } from './connections.ts';
import type { ConnectionsOptions } from './connections.ts';

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
});

/** A server that answers `/` only, and the answers that it keeps open. */
async function serve(
  whenBusy: ConnectionsOptions['whenBusy'],
): Promise<{ connections: Connections; open: ServerResponse[] }> {
  const open: ServerResponse[] = [];
  server = createServer((request, response) => {
    if (request.url === '/') response.end('answer');
    else open.push(response);
  });
  const connections = new Connections(server, { max: 3, whenBusy });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { connections, open };
}

async function client(path?: string): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  if (path !== undefined) ask(socket, path);
  return socket;
}

const ask = (socket: Socket, path: string): void =>
  void socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);

async function answered(): Promise<Socket> {
  const socket = await client('/');
  await once(socket, 'data');
  return socket;
}

it('a connection beyond the bound takes the place of the one that is idle longest', async () => {
  await serve('Refuse');
  const first = await answered();
  const second = await answered();
  await client();
  ask(first, '/');
  await once(first, 'data');
  const fourth = await answered();
  await until(() => second.closed);
  expect([first.closed, fourth.closed]).toEqual([false, false]);
});

it('a partial head does not keep a connection', async () => {
  await serve('Refuse');
  const slow = await client();
  slow.write('GET / HT');
  await Promise.all([answered(), answered(), answered()]);
  await until(() => slow.closed);
});

it('a connection is refused while a request is open over each of the others', async () => {
  const { open } = await serve('Refuse');
  const busy = await Promise.all([1, 2, 3].map(() => client('/open')));
  await until(() => open.length === 3);
  const refused = await client('/');
  await until(() => refused.closed);
  expect(busy.map(({ closed }) => closed)).toEqual([false, false, false]);
});

it('a port for probes closes the oldest instead', async () => {
  const { open } = await serve('Evict');
  const oldest = await client('/open');
  await until(() => open.length === 1);
  await client('/open');
  await until(() => open.length === 2);
  await client('/open');
  await until(() => open.length === 3);
  await answered();
  await until(() => oldest.closed);
});

it('a connection with valid credentials gives way after those without', async () => {
  const { connections, open } = await serve('Refuse');
  const trusted = await client('/open');
  await until(() => open.length === 1);
  connections.trust(open[0]!.socket!);
  open[0]!.end();
  await once(trusted, 'data');
  const other = await answered();
  await answered();
  await answered();
  await until(() => other.closed);
  expect(trusted.closed).toBe(false);
});

it('a lower bound takes effect with the next connection', async () => {
  const { connections } = await serve('Refuse');
  const first = await answered();
  const second = await answered();
  connections.max = 1;
  const third = await answered();
  await until(() => first.closed && second.closed);
  expect(third.closed).toBe(false);
});
