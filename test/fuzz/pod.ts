/** Bytes and messages for a runtime in a process of its own, with the heap of a default container, over real sockets. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import type { Configuration, Content } from '../../contract/generated/types.ts';
import { LINK_PATH, LINK_PROTOCOL, MOUNTS, OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import { testAuthority } from '../../runtime/testing/certificates.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import { CONVERSATION, said } from '../../runtime/testing/conversation.ts';
import { askLoop, loopFlags } from '../../runtime/testing/loop.ts';
import type { Loop } from '../../runtime/testing/loop.ts';
import { tracingTo } from '../../runtime/testing/failoverScene.ts';
import { startProcess } from '../../runtime/testing/process.ts';
import type { RuntimeProcess } from '../../runtime/testing/process.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { until } from '../../runtime/testing/until.ts';
import { MESSAGE, STREAM } from '../../runtime/testing/upstream.ts';
import { knock, POD_HEADS } from './doors.ts';
import type { Fuzzed } from './operator.ts';
import { referIn } from './operator.ts';
import { inChunks, largeBody, largeContent } from './large.ts';
import { hostileAnswer } from './provider.ts';
import { Random } from './random.ts';
import { anyJson, valueFor, type Making } from './values.ts';

/** Ports of a pod. */
type Doors = Record<keyof typeof POD_HEADS, number>;

/** Exchanges at a time, and how long one may last, in milliseconds. */
const AT_ONCE = 24;
const EXCHANGE_MS = 300;
const MIB = 1024 * 1024;

/** A runtime, what it calls, and a link to it. */
class Scene {
  readonly #random: Random;
  readonly #cleanups: Cleanups;
  readonly #directory: string;
  readonly #doors: Doors;
  readonly agent: RuntimeProcess;
  readonly #good: Content;
  readonly #link: () => Promise<WebSocket>;
  #counter = 1;
  inputs = 0;

  private constructor(
    random: Random,
    cleanups: Cleanups,
    parts: {
      agent: RuntimeProcess;
      good: Content;
      link: () => Promise<WebSocket>;
      directory: string;
      doors: Doors;
    },
  ) {
    this.#random = random;
    this.#cleanups = cleanups;
    this.agent = parts.agent;
    this.#good = parts.good;
    this.#link = parts.link;
    this.#directory = parts.directory;
    this.#doors = parts.doors;
  }

  static async start(random: Random): Promise<Scene> {
    const cleanups = new Cleanups();
    const counted = { inputs: 0 };
    const model = await answering(cleanups, () => answer(random, counted));
    const mcp = await mcpServer(cleanups, random, counted);
    const good = contentFor(model, mcp);
    const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
    cleanups.add(() => rm(directory, { recursive: true, force: true }));
    const authority = await testAuthority();
    const credentials = await authority.issue(OPERATOR_COMMON_NAME);
    await writeFile(join(directory, MOUNTS.authorityKey), authority.cert);
    await writeFile(join(directory, MOUNTS.tokenKey), 'token');
    const first = configuration('', good);
    await writeFile(join(directory, MOUNTS.configurationKey), JSON.stringify(first));
    const flags = ['--max-old-space-size=256', ...loopFlags(directory)];
    const agent = await startProcess(directory, flags);
    cleanups.add(() => agent.stop());
    const ports = agent.lines().find(({ msg }) => msg === 'Runtime started')!.ports!;
    const doors = ports as Doors;
    const { control } = doors;
    let socket: WebSocket | undefined;
    const link = async (): Promise<WebSocket> => {
      if (socket?.readyState === WebSocket.OPEN) return socket;
      const url = `wss://127.0.0.1:${control}${LINK_PATH}`;
      const opened = new WebSocket(url, LINK_PROTOCOL, {
        ...credentials,
        rejectUnauthorized: false,
      });
      opened.on('error', () => undefined);
      await new Promise((resolve) => opened.once('open', resolve).once('close', resolve));
      socket = opened;
      cleanups.add(() => Promise.resolve(opened.terminate()));
      return opened;
    };
    const scene = new Scene(random, cleanups, { agent, good, link, directory, doors });
    Object.defineProperty(scene, 'answered', { get: () => counted.inputs });
    return scene;
  }

  declare readonly answered: number;

  /** One input of any kind. Resolves when it is over, or has lasted long enough. */
  async input(): Promise<void> {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.1) return this.#configure();
    this.inputs += 1;
    if (kind < 0.14) return knock(random, this.#doors, POD_HEADS);
    const { agentUrl } = this.agent;
    if (kind < 0.55) return exchange(agentUrl, bytesOf(random));
    // An honest request, for which the model or the MCP server answers something else.
    if (kind < 0.8) return exchange(agentUrl, post('/v1/messages', honest(random.chance(0.5))));
    const begun = await exchangeText(agentUrl, post('/v1/conversations', '{}'));
    const id = /"id":"([^"]+)"/.exec(begun)?.[1];
    if (id === undefined) return undefined;
    const content = random.chance(0.02) ? largeContent(random) : '{"content":"Count"}';
    return exchange(agentUrl, post(`/v1/conversations/${id}/messages`, content));
  }

  /** A command that need not fit the contract, and the good configuration after it. */
  async #configure(): Promise<void> {
    const random = this.#random;
    const link = await this.#link();
    this.inputs += 1;
    const making: Making = {
      random,
      refer: referIn('configuration'),
      large: random.chance(0.05),
      wrong: random.pick([0, 0.02]),
      budget: { bytes: 500_000 },
    };
    const schema = referIn('configuration')('#/definitions/Content').properties!;
    const content: Record<string, unknown> = { ...this.#good };
    for (let i = random.below(4); i >= 0; i -= 1) {
      const field = random.pick(Object.keys(schema));
      if (field !== 'agent') content[field] = valueFor(schema[field]!, making);
    }
    const bytes = Buffer.from(this.#command(content));
    link.send((random.chance(0.2) ? random.mutate(bytes) : bytes).toString());
    (await this.#link()).send(this.#command(this.#good));
  }

  #command(content: object): string {
    this.#counter += 1;
    const revision = { term: 2, counter: this.#counter };
    const whole = { ...configuration('', {}, revision), content } as Configuration;
    const hash = `sha256:${this.#counter.toString(16).padStart(64, '0')}`;
    return JSON.stringify({ type: 'Configure', configuration: { ...whole, hash } });
  }

  /** Has the process answer as if nothing had been; throws when it is gone or does not. */
  async settle(): Promise<void> {
    const link = await this.#link();
    link.send(this.#command(this.#good));
    await until(async () => {
      if (this.agent.child.exitCode !== null || this.agent.child.signalCode !== null)
        throw new Error(`the runtime ended: ${JSON.stringify(this.agent.lines().slice(-3))}`);
      const text = await exchangeText(
        this.agent.metricsUrl,
        'GET /health/ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      );
      return text.startsWith('HTTP/1.1 200');
    }, 20_000);
  }

  loop(path?: '/collect'): Promise<Loop> {
    return askLoop(this.#directory, path);
  }

  close(): Promise<void> {
    return this.#cleanups.run();
  }
}

function contentFor(model: string, mcp: string): Content {
  const never = { trip: { consecutiveFailures: 1_000_000 } };
  const circuit = (dependency: string): object => ({
    ...{ dependency, policy: 'never', ...never, openDurationMs: 100, maxOpenDurationMs: 100 },
    halfOpen: { maxProbes: 1, successThreshold: 1 },
  });
  const sources = ['UserInput', 'ToolResults', 'McpResults', 'Documents', 'Messages'].map(
    (source) => ({ source, threshold: 60 }),
  );
  const security: Content['security'] = {
    ...configuration(model).content.security,
    promptInjection: { mode: 'Report', sources, exempt: [], blockedResults: 'Replace' },
    secrets: { mode: 'Report', sources: ['Prompts', 'Answers', 'Messages', 'MessageAnswers'] },
    runGuard: { mode: 'Report', repeats: 5, exempt: [], messages: true },
  };
  return configuration(model, {
    security,
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model, model: 'claude-test' }],
    conversation: { ...CONVERSATION, runTimeoutMs: 2000, idleTimeoutMs: 500 },
    mcpServers: [
      { name: 'stock', url: mcp, headersFrom: [], maxResponseBytes: 10_000, maxConcurrent: 10 },
    ],
    circuits: [circuit('model/primary'), circuit('mcp/stock')] as NonNullable<Content['circuits']>,
    timeouts: { connectMs: 500, requestMs: 2000, streamIdleMs: 300, toolMs: 500 },
    gates: { maxProviderWaitMs: 1 },
    // Spans hold what the model answers. Nobody takes them.
    ...tracingTo('http://127.0.0.1:1', { content: 'Full' }),
  }).content;
}

const honest = (stream: boolean): string =>
  JSON.stringify({
    model: 'm',
    max_tokens: 5,
    stream,
    messages: [{ role: 'user', content: 'Hi' }],
  });

function post(path: string, body: string, more = ''): string {
  const head = `POST ${path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\ncontent-type: application/json\r\n`;
  return `${head}${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Requests, most of them with bytes that were changed; some as large as they may be. */
function bytesOf(random: Random): Buffer {
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const path = random.pick([
    '/v1/messages',
    '/v1/messages',
    '/v1/conversations',
    '/v1/messages/count_tokens',
  ]);
  if (random.chance(0.01)) return Buffer.from(post(path, largeBody(random)));
  const making = {
    random,
    refer: () => ({}),
    large: false,
    wrong: 0.1,
    budget: { bytes: 100_000 },
  };
  const body = random.pick([
    () => honest(random.chance(0.5)),
    () => JSON.stringify(anyJson(making, 6)) ?? 'null',
    () =>
      JSON.stringify({
        ...(JSON.parse(honest(true)) as object),
        system: anyJson(making, 4),
        tools: anyJson(making, 5),
      }),
    () => `{"messages":${deep(2000)}}`,
  ])();
  const chunked = (text: string): string =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const whole = random.pick([
    () => post(path, body),
    () => chunked(body),
    () => `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${inChunks(body)}`,
    () => post(path, body, 'content-encoding: gzip\r\n'),
    () =>
      post(path, body, `x-api-key: ${'k'.repeat(random.below(5000))}\r\nanthropic-beta: a,b\r\n`),
    () => `GET /v1/conversations/${random.bytes(8).toString('latin1')} HTTP/1.1\r\nhost: a\r\n\r\n`,
    () => post(path, body) + post('/v1/messages', honest(false)),
    () => `GET /health HTTP/1.1\r\n${'a: b\r\n'.repeat(random.below(3000))}\r\n`,
  ])();
  const bytes = Buffer.from(whole);
  return random.chance(0.8) ? random.mutate(bytes) : bytes;
}

/** What the model answers: half the time by its request, with bytes that were changed. */
function answer(random: Random, counted: { inputs: number }): Buffer {
  counted.inputs += 1;
  if (random.chance(0.2)) return hostileAnswer(random);
  const head = (type: string, more: string): string =>
    `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}\r\n\r\n`;
  const text = JSON.stringify(MESSAGE);
  const tool = { id: 'use-1', name: 'stock__count', input: {} };
  const events = random
    .pick([
      STREAM,
      said({ tools: [tool] }),
      said({ text: 'Done.' }),
      [`data: ${'x'.repeat(200_000)}\n\n`, ...STREAM],
      ['event: ping\ndata: {}\n\n'.repeat(2000), ...STREAM],
    ])
    .join('');
  const bytes = Buffer.from(
    random.pick([
      `${head('application/json', `content-length: ${text.length}`)}${text}`,
      `${head('text/event-stream', 'connection: close')}${events}`,
      `${head('text/event-stream', 'transfer-encoding: chunked')}${events.length.toString(16)}\r\n${events}\r\n0\r\n\r\n`,
      'HTTP/1.1 529 Overloaded\r\nretry-after: 0\r\ncontent-length: 2\r\n\r\n{}',
    ]),
  );
  return random.chance(0.7) ? random.mutate(bytes) : bytes;
}

/** Answers each request, once it seems whole, with these bytes, and closes the connection. */
async function answering(cleanups: Cleanups, bytes: () => Buffer): Promise<string> {
  const server = createServer((socket) => {
    let request = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      request += chunk.toString('latin1');
      if (/\r\n\r\n[^]*\}$/.test(request)) socket.end(bytes());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface RpcMessage {
  id?: unknown;
  method?: string;
}

/** An MCP server whose answers are hostile, or whose bytes were changed. */
async function mcpServer(
  cleanups: Cleanups,
  random: Random,
  counted: { inputs: number },
): Promise<string> {
  const making = (): Making => ({
    ...{ random, refer: () => ({}), large: random.chance(0.1), wrong: 0.1 },
    budget: { bytes: 100_000 },
  });
  const schema = (): unknown =>
    random.chance(0.5)
      ? { type: 'object' }
      : valueFor({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, making());
  const resultOf = (method: string | undefined): unknown => {
    if (random.chance(0.1)) return anyJson(making(), 6);
    if (method === 'initialize') {
      const serverInfo = { name: 'fuzz', version: '1' };
      return { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
    }
    if (method === 'tools/list') {
      const outputSchema = random.chance(0.5) ? { outputSchema: schema() } : {};
      return { tools: [{ name: 'count', inputSchema: schema(), ...outputSchema }] };
    }
    return {
      content: [{ type: 'text', text: 'one' }],
      structuredContent: { a: `${'a'.repeat(40)}!` },
    };
  };
  const server = createHttpServer((request, response) => {
    let text = '';
    response.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      counted.inputs += 1;
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const { id, method } = (JSON.parse(text) ?? {}) as RpcMessage;
      if (id === undefined) return void response.writeHead(202).end();
      const json = JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method) });
      const bytes = random.chance(0.2) ? random.mutate(Buffer.from(json)) : Buffer.from(json);
      const stream = random.chance(0.3);
      const type = stream ? 'text/event-stream' : 'application/json';
      const body = stream
        ? Buffer.concat([Buffer.from('data: '), bytes, Buffer.from('\n\n')])
        : bytes;
      if (random.chance(0.02)) {
        response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' });
        return void response.end(gzipSync(Buffer.alloc(20 * MIB, 0x20)));
      }
      response.writeHead(200, { 'content-type': type }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

async function exchange(url: string, bytes: string | Buffer): Promise<void> {
  await exchangeText(url, bytes);
}

/** What comes back until the connection is closed or it has lasted long enough; text of the beginning only. */
function exchangeText(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const timer = setTimeout(() => socket.destroy(), EXCHANGE_MS);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (text.length < 10_000) text += chunk.toString('latin1');
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.end(bytes);
  });
}

/** Fuzzes until the time is over or there were so many inputs. Rejects when the runtime ends or serves no longer. */
export async function fuzzPod(seed: number, seconds: number, most = Infinity): Promise<Fuzzed> {
  const scene = await Scene.start(new Random(seed));
  try {
    const run = async (until: number, bound: number): Promise<void> => {
      const one = async (): Promise<void> => {
        while (performance.now() < until && scene.inputs + scene.answered < bound) {
          await scene.input();
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
      await scene.settle();
    };
    const start = performance.now();
    await run(start + seconds * 250, most / 10);
    const before = await scene.loop('/collect');
    await run(start + seconds * 1000, most);
    const { longestHoldMs } = await scene.loop();
    // What waits for its own end, such as idle connections and the last turns, has to end first.
    let grownBytes = Infinity;
    await until(async () => {
      const { heapBytes } = await scene.loop('/collect');
      grownBytes = Math.min(grownBytes, heapBytes - before.heapBytes);
      return grownBytes < before.heapBytes / 20;
    }, 25_000).catch(() => undefined);
    return {
      inputs: scene.inputs + scene.answered,
      ...{ longestHoldMs, longest: '', grownBytes, startBytes: before.heapBytes },
    };
  } finally {
    await scene.close();
  }
}

if (import.meta.main) {
  const [seed = '1', seconds = '20'] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await fuzzPod(Number(seed), Number(seconds)))}\n`);
}
