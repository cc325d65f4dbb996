/** What a provider may send to a process with the heap of a default container, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  zstdCompressSync,
} from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import { ONE_ATTEMPT, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { tracingTo } from '../testing/failoverScene.ts';
import { startProcess } from '../testing/process.ts';
import type { RuntimeProcess } from '../testing/process.ts';
import { Cleanups, STREAMED, errorOf } from '../testing/setup.ts';
import { MESSAGE, STREAM, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MIB = 1024 * 1024;
const MEMORY_MIB = 512;

/** Answers each request by writing to its socket. */
async function provider(answer: (socket: Socket) => Promise<void>): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let request = '';
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      if (!/\r\n\r\n.*\}$/s.test(request)) return;
      request = '';
      void answer(socket).catch(() => undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A process with a heap of 256 MB. */
async function start(url: string, content: Parts<Content> = {}): Promise<RuntimeProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'provider-bytes-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  const text = JSON.stringify(configuration(url, content));
  await writeFile(join(directory, MOUNTS.configurationKey), text);
  const agent = await startProcess(directory, ['--max-old-space-size=256']);
  cleanups.add(() => agent.stop());
  return agent;
}

async function peakMiB({ child }: RuntimeProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

async function write(socket: Socket, bytes: Buffer | string): Promise<void> {
  if (socket.destroyed) throw new Error('the connection is closed');
  if (socket.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('drain', resolve).once('close', resolve);
  await promise;
  socket.off('drain', resolve).off('close', resolve);
}

function head(type: string, more: string[]): string {
  return ['HTTP/1.1 200 OK', `content-type: ${type}`, ...more, '', ''].join('\r\n');
}

/** Sends each byte of the text as a chunk of its own. */
async function inSmallChunks(socket: Socket, text: string): Promise<void> {
  for (let at = 0; at < text.length; at += 16_384) {
    const part = text.slice(at, at + 16_384);
    await write(socket, Array.from(part, (byte) => `1\r\n${byte}\r\n`).join(''));
  }
  await write(socket, '0\r\n\r\n');
}

const CHUNKED = ['transfer-encoding: chunked'];

describe('an answer in chunks of one byte', () => {
  it('takes little more memory than its bytes', async () => {
    const text = JSON.stringify({
      ...MESSAGE,
      content: [{ type: 'text', text: 'x'.repeat(8 * MIB) }],
    });
    const url = await provider(async (socket) => {
      await write(socket, head('application/json', CHUNKED));
      await inSmallChunks(socket, text);
    });
    const agent = await start(url);
    const answer = await send(agent.agentUrl);
    expect([answer.status, answer.body.length]).toEqual([200, text.length]);
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
  });

  it('takes little more memory in three streams of large events', async () => {
    const event = sse('content_block_delta', {
      index: 0,
      delta: { type: 'text_delta', text: 'x'.repeat(MIB - 1000) },
    });
    const text = [...STREAM.slice(0, 3), event, ...STREAM.slice(5)].join('');
    const url = await provider(async (socket) => {
      await write(socket, head('text/event-stream', CHUNKED));
      await inSmallChunks(socket, text);
    });
    const agent = await start(url);
    const answers = await Promise.all([1, 2, 3].map(() => send(agent.agentUrl, STREAMED)));
    expect(answers.map(({ body }) => body.length)).toEqual(answers.map(() => text.length));
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
  });
});

describe('a compressed answer', () => {
  /** These bytes and many spaces, compressed. */
  async function bomb(encoder: Transform, before: string, mib: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
    encoder.write(before);
    for (let i = 0; i < mib; i += 1) {
      if (!encoder.write(Buffer.alloc(MIB, 0x20))) await once(encoder, 'drain');
    }
    encoder.end();
    await once(encoder, 'end');
    return Buffer.concat(chunks);
  }

  async function compressed(type: string, encoding: string, body: Buffer): Promise<RuntimeProcess> {
    const more = [`content-encoding: ${encoding}`, `content-length: ${body.length}`];
    const url = await provider(async (socket) => {
      await write(socket, head(type, more));
      await write(socket, body);
    });
    return start(url);
  }

  const WINDOW_128_MIB = { params: { [constants.ZSTD_c_windowLog]: 27 } };

  it.each([
    ['gzip', createGzip(), 200],
    ['br', createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }), 200],
    // HTTP allows no window above 8 MiB.
    ['zstd', createZstdCompress(WINDOW_128_MIB), 502],
  ])('of %s takes no memory beyond the budget, unstreamed', async (encoding, encoder, status) => {
    const body = await bomb(encoder, JSON.stringify(MESSAGE), 256);
    const agent = await compressed('application/json', encoding, body);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => send(agent.agentUrl)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
  });
});

/** The bytes until the answer ends; they are not kept. */
function drained(url: string): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined).once('close', () => resolve());
    const { body } = STREAMED;
    const lines = ['POST /v1/messages HTTP/1.1', 'host: agent', 'connection: close'];
    socket.write([...lines, `content-length: ${body.length}`, '', body].join('\r\n'));
    socket.resume();
  });
}

describe('forty compressed streams', () => {
  const STREAMS = 40;

  it.each([
    ['br', brotliCompressSync],
    ['zstd', (text: string) => zstdCompressSync(text, { params: { [constants.ZSTD_c_windowLog]: 23 } })], // prettier-ignore
  ])('of %s take no memory beyond the budget for their windows', async (encoding, compress) => {
    const ping = `event: ping\ndata: {"type":"ping","pad":"${'x'.repeat(500_000)}"}\n\n`;
    const text = [...STREAM.slice(0, 4), ping.repeat(34), ...STREAM.slice(4)].join('');
    const body = compress(text);
    const { promise: all, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const url = await provider(async (socket) => {
      begun += 1;
      if (begun === STREAMS) resolve();
      const more = [`content-encoding: ${encoding}`, `content-length: ${body.length}`];
      await write(socket, head('text/event-stream', more));
      await write(socket, body.subarray(0, -1));
      await all;
      await write(socket, body.subarray(-1));
    });
    const agent = await start(url);
    await Promise.all(Array.from({ length: STREAMS }, () => drained(agent.agentUrl)));
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
    expect((await send(agent.agentUrl)).status).toBe(200);
  });
});

describe('a traced stream', () => {
  it('takes an index of any value for no more than a key', async () => {
    const deltas = ['length', 3e7, 4_294_967_290, '__proto__', -1, null].map((index) =>
      sse('content_block_delta', { index, delta: { type: 'text_delta', text: 'x' } }),
    );
    const text = [...STREAM.slice(0, 2), ...deltas, ...STREAM.slice(5)].join('');
    const url = await provider(async (socket) => {
      await write(socket, head('text/event-stream', [`content-length: ${text.length}`]));
      await write(socket, text);
    });
    const agent = await start(url, tracingTo('http://127.0.0.1:1', { content: 'Full' }));
    const answer = await send(agent.agentUrl, STREAMED);
    expect(answer.body.toString()).toBe(text);
    expect((await send(agent.agentUrl, STREAMED)).status).toBe(200);
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
  });
});

describe('an answer in a turn of a conversation', () => {
  const CONTENT_OF = (url: string): Parts<Content> => ({
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: url, model: 'claude-test' }],
    conversation: CONVERSATION,
    ...ONE_ATTEMPT,
  });
  const delta = (what: object): string => sse('content_block_delta', { index: 0, delta: what });
  const TEXT = delta({ type: 'text_delta', text: 'x'.repeat(50_000) });
  const ARGUMENTS = delta({ type: 'input_json_delta', partial_json: '{"a":"' });
  const START = STREAM[0]!;
  const TOOL = { type: 'tool_use', id: 'use', name: 'find', input: {} };

  it.each([
    ['text', STREAM.slice(0, 2).join(''), TEXT],
    ['arguments of a tool', START + sse('content_block_start', { index: 0, content_block: TOOL }), ARGUMENTS], // prettier-ignore
    ['blocks', START, sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })], // prettier-ignore
    ['events', START, 'data: {"type":"ping"}\n'],
    ['lines', `${START}data: `, 'x'.repeat(1000)],
  ])('without an end to its %s fails by its size', async (_name, before, again) => {
    const many = again.repeat(Math.ceil(65_536 / again.length));
    const url = await provider(async (socket) => {
      await write(socket, head('text/event-stream', ['connection: close']));
      await write(socket, before);
      for (;;) await write(socket, many);
    });
    const agent = await start(url, CONTENT_OF(url));
    const answer = await say(agent.agentUrl, await beginConversation(agent.agentUrl), 'Go on');
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      502,
      'InvalidResponse',
    ]);
    expect(await peakMiB(agent)).toBeLessThan(MEMORY_MIB);
  });

  it('that calls thousands of tools is refused at once', async () => {
    const calls = Array.from({ length: 10_000 }, (_, i) => ({
      id: `use-${i}`,
      name: 'no',
      input: {},
    }));
    const text = said({ tools: calls }).join('');
    const url = await provider(async (socket) => {
      await write(socket, head('text/event-stream', [`content-length: ${text.length}`]));
      await write(socket, text);
    });
    const agent = await start(url, CONTENT_OF(url));
    const answer = await say(agent.agentUrl, await beginConversation(agent.agentUrl), 'Go on');
    expect([answer.status, errorOf(answer).message]).toEqual([
      502,
      'The model asks for more than 128 tools at once.',
    ]);
  });
});
