import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { until, untilStill } from '../runtime/testing/until.ts';
import fc from '../test/property.ts';
import { bounded } from './connections.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<Server> {
  const server = bounded(createServer(listener));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

type Client = Socket & { received: string };

async function client(server: Server): Promise<Client> {
  const port = (server.address() as AddressInfo).port;
  const socket = Object.assign(connect(port, '127.0.0.1'), { received: '' });
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => (socket.received += chunk.toString('latin1')));
  await once(socket, 'connect');
  return socket;
}

/** Answers later with the path and the number of bytes of the body, and counts how many requests are open at a time. */
function counting(): { listener: RequestListener; most: () => number } {
  let open = 0;
  let most = 0;
  return {
    most: () => most,
    listener: (request, response) => {
      open += 1;
      most = Math.max(most, open);
      response.on('close', () => (open -= 1));
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => setImmediate(() => response.end(`<${request.url} ${bytes}>`)));
    },
  };
}

const HOST = 'HTTP/1.1\r\nhost: a\r\n';
const answersIn = (text: string): string[] => text.match(/<[^>]*>/g) ?? [];

const body = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.constant('\r\n\r\nGET /not HTTP/1.1\r\nhost: a\r\n\r\n'),
  fc.constant('x'.repeat(200_000)),
);
const request = fc.oneof(
  fc.constant({ head: `GET /n ${HOST}\r\n`, body: '', bytes: 0 }),
  body.map((text) => {
    const bytes = Buffer.byteLength(text);
    return { head: `POST /n ${HOST}content-length: ${bytes}\r\n\r\n`, body: text, bytes };
  }),
  body.map((text) => {
    const bytes = Buffer.byteLength(text);
    const chunk = bytes === 0 ? '' : `${bytes.toString(16)}\r\n${text}\r\n`;
    const head = `POST /n ${HOST}transfer-encoding: chunked\r\n\r\n`;
    return { head, body: `${chunk}0\r\n\r\n`, bytes };
  }),
);

describe('requests that a client sends without waiting for answers', () => {
  it('are read as they are meant, one at a time, however their bytes are cut', async () => {
    const { listener, most } = counting();
    const server = await serve(listener);
    const requests = fc.array(request, { minLength: 1, maxLength: 12 });
    const property = fc.asyncProperty(requests, fc.array(fc.nat(5000)), async (all, cuts) => {
      const numbered = all.map((each, i) => ({ ...each, head: each.head.replace('/n', `/${i}`) }));
      const bytes = Buffer.from(numbered.map((each) => each.head + each.body).join(''));
      const socket = await client(server);
      let at = 0;
      for (const cut of cuts) {
        await new Promise((resolve) => socket.write(bytes.subarray(at, at + cut), resolve));
        at += cut;
      }
      socket.write(bytes.subarray(at));
      await until(() => answersIn(socket.received).length >= all.length, 10_000);
      expect(answersIn(socket.received)).toEqual(
        numbered.map((each, i) => `</${i} ${each.bytes}>`),
      );
      socket.destroy();
    });
    await fc.assert(property, { numRuns: 60 });
    expect(most()).toBe(1);
  });

  it('wait unread while the first is answered', async () => {
    let finish = (): void => undefined;
    const urls: (string | undefined)[] = [];
    const server = await serve(({ url, socket }, response) => {
      urls.push(url);
      if (url !== '/first') return void response.end('<other>');
      sockets.push(socket);
      finish = () => response.end('<first>');
    });
    const socket = await client(server);
    socket.write(`GET /first ${HOST}\r\n${`GET / ${HOST}\r\n`.repeat(400_000)}`);
    await until(() => urls.length > 0);
    await untilStill(() => sockets.at(-1)!.bytesRead);
    expect(sockets.at(-1)!.bytesRead).toBeLessThan(300_000);
    expect(urls).toEqual(['/first']);
    finish();
    await until(() => urls.length > 3);
    expect(answersIn(socket.received)[0]).toBe('<first>');
  });

  it('give other connections their turn', async () => {
    let served = 0;
    const server = await serve(({ url }, response) => {
      served += 1;
      response.end(`<${url}>`);
    });
    const flood = await client(server);
    flood.write(`GET /flood ${HOST}\r\n`.repeat(10_000));
    await until(() => served > 0);
    const probe = await client(server);
    probe.write(`GET /probe ${HOST}\r\n`);
    await until(() => answersIn(probe.received).length === 1);
    expect(served).toBeLessThan(9000);
  });

  it('are answered before the connection closes, when the client has closed its side', async () => {
    const { listener } = counting();
    const server = await serve(listener);
    const socket = await client(server);
    socket.end(`GET /1 ${HOST}\r\nGET /2 ${HOST}\r\n`);
    await until(() => socket.closed);
    expect(answersIn(socket.received)[0]).toBe('</1 0>');
  });

  it('after one that closes the connection are not read', async () => {
    const { listener, most } = counting();
    const server = await serve(listener);
    const socket = await client(server);
    socket.write(`GET /1 ${HOST}connection: close\r\n\r\nGET /2 ${HOST}\r\n`);
    await until(() => socket.closed);
    expect([answersIn(socket.received), most()]).toEqual([['</1 0>'], 1]);
  });
});

it('a body without a reader stays unread', async () => {
  const server = await serve(({ socket }) => void sockets.push(socket));
  const socket = await client(server);
  socket.write(`POST / ${HOST}content-length: 50000000\r\n\r\n`);
  socket.write(Buffer.alloc(50_000_000));
  await until(() => sockets.length === 2);
  await untilStill(() => sockets[1]!.bytesRead);
  expect(sockets[1]!.bytesRead).toBeLessThan(1_000_000);
});

it('a blank line in the middle of reads ends a head, too', async () => {
  const { listener } = counting();
  const server = await serve(listener);
  const bytes = `GET /1 ${HOST}\r\nPOST /2 ${HOST}content-length: 3\r\n\r\nabcGET /3 ${HOST}\r\n`;
  const socket = await client(server);
  for (const byte of bytes) await new Promise((resolve) => socket.write(byte, resolve));
  await until(() => answersIn(socket.received).length === 3);
  expect(answersIn(socket.received)).toEqual(['</1 0>', '</2 3>', '</3 0>']);
});

it('a connection that is upgraded gets the bytes behind the head', async () => {
  const server = await serve(() => undefined);
  let seen = '';
  server.on('upgrade', (_, socket, head) => {
    seen += head.toString();
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
  });
  const socket = await client(server);
  socket.write(`GET / ${HOST}connection: upgrade\r\nupgrade: other\r\n\r\nfirst`);
  await until(() => socket.received.includes('101'));
  socket.write(' second');
  await until(() => seen === 'first second');
});

it.each([
  ['CONNECT', `CONNECT a:1 ${HOST}\r\n`],
  ['no HTTP', 'EHLO\r\n\r\n'],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
])('what closes the connection leaves nothing for another one: %s', async (_, first) => {
  const { listener } = counting();
  const server = await serve(listener);
  for (let i = 0; i < 20; i += 1) {
    const socket = await client(server);
    socket.write(first + `GET /stray ${HOST}\r\n`.repeat(100));
    await until(() => socket.closed);
    expect(answersIn(socket.received)).toEqual([]);
    const next = await client(server);
    next.write(`GET /${i} ${HOST}\r\n`);
    await until(() => answersIn(next.received).length > 0);
    expect(answersIn(next.received)).toEqual([`</${i} 0>`]);
  }
});
