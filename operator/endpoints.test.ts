import { afterEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { json, serve } from './endpoints.ts';
import type { Routes } from './endpoints.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function started(routes: Routes): Promise<number> {
  const { server, port } = await serve(routes, 0, '127.0.0.1');
  servers.push(server);
  return port;
}

async function connection(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  return socket;
}

async function probe(port: number): Promise<string> {
  const socket = await connection(port);
  socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString().slice(0, 12);
}

it('a probe is answered among requests that were sent without waiting for answers', async () => {
  let open = 0;
  let most = 0;
  let rendered = 0;
  const port = await started({
    '/metrics': async () => {
      most = Math.max(most, (open += 1));
      rendered += 1;
      await new Promise(setImmediate);
      open -= 1;
      return json(200, {});
    },
    '/healthz': () => json(200, {}),
  });
  const flood = await connection(port);
  const one = 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n';
  flood.write(one.repeat((256 * 1024) / one.length));
  await once(flood, 'data');
  expect(await probe(port)).toBe('HTTP/1.1 200');
  expect(most).toBe(1);
  expect(rendered).toBeLessThan(1000);
});

it('a probe is answered while others hold 3,000 connections', async () => {
  const port = await started({ '/healthz': () => json(200, {}) });
  const held: Socket[] = [];
  while (held.length < 3000)
    held.push(...(await Promise.all(Array.from({ length: 100 }, () => connection(port)))));
  expect(await probe(port)).toBe('HTTP/1.1 200');
  expect(held.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(1000);
});
