/** The connection from the pod that is asked to the one that keeps a conversation. */
import type { RemoteContext, Span } from '../../tracing/span.ts';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as listenTo } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Peers } from './peers.ts';
import { ResponseSink } from '../exchange/response.ts';
import { systemClock } from '../guard/clock.ts';
import { open, send } from '../testing/client.ts';
import { Cleanups } from '../testing/setup.ts';
import { until, untilStill } from '../testing/until.ts';
import { fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint, Seen } from '../testing/upstream.ts';
import { CONVERSATION } from '../testing/conversation.ts';
import { configuration } from '../testing/configuration.ts';
import type { Forwarded } from './connections.ts';

const OWNER = '10.0.0.2';
const MIB = 1024 * 1024;

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Front {
  /** Where the pod that is asked listens. */
  url: string;
  /** What came of each request. */
  ends: Forwarded[];
  /** What DNS lists. */
  listed: string[];
}

/** A pod that passes everything on to the owner at this address, and answers 599 with what came of it. */
async function front(place: string, silenceMs = 20_000, context?: RemoteContext): Promise<Front> {
  const listed = [OWNER];
  const { content } = configuration('', {
    timeouts: { connectMs: silenceMs },
    conversation: { ...CONVERSATION, runTimeoutMs: 0, peers: 'triage-headless' },
    limits: [],
  });
  const peers = new Peers({
    clock: systemClock,
    random: Math.random,
    leader: { isOpen: true },
    current: { content },
    resolve: () => Promise.resolve([...listed]),
    locate: () => place,
    mark: () => '1',
    onForwarded: () => undefined,
  });
  const trace = { span: { context } as Span, forwarded: (): void => undefined };
  const ends: Forwarded[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const cut = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) cut.abort();
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { signal } = cut;
    const sink = new ResponseSink(response, signal);
    const body = Buffer.concat(chunks);
    const end = await peers.toOwner(OWNER, { request, body, sink, signal, trace });
    ends.push(end);
    if (end !== 'Answered' && !response.headersSent) response.writeHead(599).end(end);
    else if (end === 'Gone') response.destroy();
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    await peers.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, ends, listed };
}

async function owner(
  answer: (response: ServerResponse, seen: Seen) => void,
): Promise<FakeEndpoint & { place: string }> {
  const endpoint = await fakeEndpoint(answer);
  cleanups.add(() => endpoint.close());
  return { ...endpoint, place: new URL(endpoint.url).host };
}

async function closedPort(): Promise<string> {
  const server = listenTo();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

describe('a request that is forwarded to the pod with the conversation', () => {
  it('arrives as the client sent it, with its credential, marked once', async () => {
    const { place, seen } = await owner((response) => {
      response.writeHead(202, { 'x-breakwater-reason': 'None', connection: 'close' }).end('good');
    });
    const { url, ends } = await front(place);
    const answer = await send(url, {
      path: '/v1/conversations/c1/messages?x=1',
      headers: {
        authorization: 'Bearer alice',
        'X-Odd': 'a',
        te: 'trailers',
        'x-breakwater-forwarded': 'mine',
      },
      body: '{"content":"Hello"}',
    });
    expect([answer.status, answer.body.toString()]).toEqual([202, 'good']);
    expect(answer.headers['x-breakwater-reason']).toBe('None');
    const [{ url: path, headers, rawHeaders, body }] = seen as [Seen];
    expect([path, body.toString()]).toEqual([
      '/v1/conversations/c1/messages?x=1',
      '{"content":"Hello"}',
    ]);
    expect(headers).toMatchObject({ authorization: 'Bearer alice', 'x-odd': 'a' });
    expect(rawHeaders).toContain('X-Odd');
    expect(headers.te).toBeUndefined();
    expect(headers['x-breakwater-forwarded']).toBe('1');
    expect(ends).toEqual(['Answered']);
  });

  it('names the trace context of this pod in place of the client’s', async () => {
    const { place, seen } = await owner((response) => response.end());
    const context = { traceparent: 'of-this-pod', tracestate: 'b=2' };
    const { url } = await front(place, 20_000, context);
    await send(url, { headers: { traceparent: 'of-the-client', tracestate: 'a=1' } });
    expect(seen[0]!.rawHeaders.filter((each) => /^of-|=/.test(each))).toEqual([
      'of-this-pod',
      'b=2',
    ]);
    const { url: untraced } = await front(place);
    await send(untraced, { headers: { traceparent: 'of-the-client' } });
    expect(seen[1]!.headers.traceparent).toBe('of-the-client');
  });

  it.each(['GET', 'DELETE'])('is passed on without a body when it is %s', async (method) => {
    const { place, seen } = await owner((response) => response.writeHead(204).end());
    const { url } = await front(place);
    expect((await send(url, { method, path: '/v1/conversations/c1', body: '' })).status).toBe(204);
    expect(seen[0]!.headers['transfer-encoding']).toBeUndefined();
  });

  it('is answered event by event, before the owner has finished', async () => {
    let finish = (): void => undefined;
    const { place } = await owner((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      finish = () => response.end('data: 2\n\n');
    });
    const { url } = await front(place);
    const outgoing = open(url, {});
    let text = '';
    let ended = false;
    outgoing.on('response', (response) => {
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => (ended = true));
    });
    outgoing.end('{}');
    await until(() => text === 'data: 1\n\n');
    expect(ended).toBe(false);
    finish();
    await until(() => ended);
    expect(text).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('is cut at the owner when its client leaves, before or during the answer', async () => {
    for (const begun of [false, true]) {
      const { place, seen } = await owner((response) => {
        if (begun) response.writeHead(200).write('a');
      });
      const { url, ends } = await front(place);
      const outgoing = open(url, {});
      let met = false;
      outgoing.on('response', (response) => {
        met = true;
        response.on('error', () => undefined);
      });
      outgoing.on('error', () => undefined);
      outgoing.end('{}');
      await until(() => seen.length === 1 && met === begun);
      outgoing.destroy();
      await until(() => seen[0]!.aborted && ends.length === 1);
      expect(ends).toEqual(['Gone']);
    }
  });

  it('is cut when the owner breaks off during its answer', async () => {
    const { place } = await owner((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const { url, ends } = await front(place);
    await expect(send(url)).rejects.toThrow();
    await until(() => ends.length === 1);
    expect(ends).toEqual(['Gone']);
  });

  it('reports the owner as gone when its port is closed or DNS no longer lists it', async () => {
    const { url, listed, ends } = await front(await closedPort());
    const lost = await send(url);
    expect([lost.status, lost.body.toString()]).toEqual([599, 'Lost']);
    const { place, seen } = await owner((response) => response.end());
    const other = await front(place);
    other.listed.pop();
    expect((await send(other.url)).body.toString()).toBe('Lost');
    expect(seen).toHaveLength(0);
    expect([ends, listed]).toEqual([['Lost'], [OWNER]]);
  });

  it('reports the owner as unreachable when it closes the connection while DNS lists it', async () => {
    const hasty = listenTo((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.destroy());
    });
    await new Promise<void>((resolve) => hasty.listen(0, '127.0.0.1', resolve));
    cleanups.add(() => new Promise((resolve) => hasty.close(() => resolve())));
    const { url, listed } = await front(`127.0.0.1:${(hasty.address() as AddressInfo).port}`);
    expect((await send(url)).body.toString()).toBe('Unreachable');
    // What was seen is believed until the connection breaks.
    hasty.once('connection', () => listed.pop());
    expect((await send(url)).body.toString()).toBe('Lost');
  });

  it('is given up when the owner stays silent, and cut when it falls silent during its answer', async () => {
    const mute = await owner(() => undefined);
    const silent = await front(mute.place, 300);
    expect((await send(silent.url)).body.toString()).toBe('Silent');
    await until(() => mute.seen[0]!.aborted);
    const halting = await owner((response) => response.writeHead(200).write('half'));
    const halted = await front(halting.place, 300);
    await expect(send(halted.url)).rejects.toThrow();
    await until(() => halted.ends.length === 1);
    expect(halted.ends).toEqual(['Gone']);
  });

  it('may have 20 MiB in each direction', async () => {
    const { place } = await owner((response, { body }) => response.end(body));
    const { url } = await front(place);
    const body = Buffer.alloc(20 * MIB, 'abcdefg');
    expect((await send(url, { body })).body.equals(body)).toBe(true);
  });

  it('is refused by the owner before the owner has read the body', async () => {
    const server = createServer((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.add(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const { url } = await front(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const outgoing = open(url, { headers: { 'content-length': String(20 * MIB) } });
    const status = new Promise<number | undefined>((resolve, reject) => {
      outgoing.on('response', (response) => resolve(response.resume().statusCode));
      outgoing.on('error', reject);
    });
    outgoing.end(Buffer.alloc(20 * MIB));
    expect(await status).toBe(413);
    outgoing.destroy();
  });

  it('does not fill memory when its client does not read', async () => {
    let written = 0;
    let left = false;
    const chunk = Buffer.alloc(64 * 1024);
    const { place } = await owner((response) => {
      response.on('close', () => (left = true));
      const fill = (): void => {
        while (!left && written < 200 * MIB) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', fill);
        }
      };
      fill();
    });
    const { url } = await front(place);
    const outgoing = request(url, { method: 'POST', agent: false });
    outgoing.on('error', () => undefined);
    outgoing.on('response', (response) => void response.on('error', () => undefined).pause());
    outgoing.end('{}');
    await untilStill(() => written);
    expect(written).toBeLessThan(64 * MIB);
    outgoing.destroy();
    await until(() => left);
  });
});
