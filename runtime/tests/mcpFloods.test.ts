/** MCP servers that send a process with a small heap more than it could take as values. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MOUNTS } from '../../contract/link.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { startProcess } from '../testing/process.ts';
import type { RuntimeProcess } from '../testing/process.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterAll(() => cleanups.run());
jest.setTimeout(60_000);

const MIB = 1024 * 1024;
const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const COUNT = { name: 'count', inputSchema: { type: 'object' } };

interface Rpc {
  id?: number;
  method: string;
}

interface Attack {
  /** Answers a call of the tool. */
  call?: (response: ServerResponse, id: number) => void;
  /** The list of tools, as JSON. */
  tools?: string;
}

interface Result {
  /** What the model was told of its call. */
  told: string;
  offered: number;
  /** Longest time of the processor between two turns of the event loop, in milliseconds. */
  heldMs: number;
  /** Requests of the pod beside its own calls. */
  replies: number;
}

/** Answers with a result, as JSON. */
function answer(response: ServerResponse, id: number, result: string): void {
  response.writeHead(200, JSON_TYPE).end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
}

/** Answers as the attack of the test that runs. */
let attack: Attack = {};
let replies = 0;
let model: FakeEndpoint;
let agent: RuntimeProcess;
let loop: string;
let mcpUrl: string;
let tests = 0;

function serve(response: ServerResponse, { id, method }: Rpc): void {
  const { call, tools = JSON.stringify([COUNT]) } = attack;
  if (method === undefined) replies += 1;
  if (id === undefined || method === undefined) return void response.writeHead(202).end();
  if (method === 'tools/call' && call) return call(response, id);
  if (method === 'tools/list') return answer(response, id, `{"tools":${tools}}`);
  if (method === 'tools/call') return answer(response, id, '{"content":[]}');
  if (method !== 'initialize') return void response.writeHead(400).end();
  const serverInfo = { name: 'attacker', version: '1' };
  const hello = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
  answer(response, id, JSON.stringify(hello));
}

/** A process with a heap of 256 MB whose model calls the tool of an MCP server once in each turn. */
beforeAll(async () => {
  const mcp = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.method === 'POST') serve(response, JSON.parse(text) as Rpc);
      else response.writeHead(405).end();
    });
  });
  mcpUrl = await listening(mcp);
  model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tool = { id: 'use-1', name: 'stock__count', input: {} };
    answerStream(response, said(messages.length > 1 ? { text: 'Done.' } : { tools: [tool] }));
  });
  cleanups.add(() => model.close());
  const directory = await mkdtemp(join(tmpdir(), 'mcp-'));
  cleanups.add(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, MOUNTS.tokenKey), 'token');
  loop = join(directory, 'loop');
  const watch = new URL(`../testing/loopWatch.ts?socket=${loop}`, import.meta.url).href;
  const flags = ['--max-old-space-size=256', '--expose-gc', '--import', watch];
  agent = await startProcess(directory, flags);
  cleanups.add(() => agent.stop());
  // Loads what a first turn loads.
  await turn({});
});

/** One turn, with a server that is new to the process. */
async function turn(by: Attack): Promise<Result> {
  attack = by;
  replies = 0;
  tests += 1;
  const url = `${mcpUrl}?test=${tests}`;
  const stock = {
    name: 'stock',
    url,
    headersFrom: [],
    maxResponseBytes: 65_536,
    maxConcurrent: 10,
  };
  const content = {
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
    conversation: CONVERSATION,
    mcpServers: [stock],
  };
  await agent.configure(configuration(model.url, content, { term: 1, counter: tests }));
  await holdOf('/collect');
  await say(agent.agentUrl, await beginConversation(agent.agentUrl), 'Count');
  const { tools: offered = [], messages } = JSON.parse(model.seen.at(-1)!.body.toString()) as {
    tools?: unknown[];
    messages: { content: { content: string }[] }[];
  };
  const told = messages.at(-1)!.content[0]!.content;
  const heldMs = await holdOf();
  return { told, offered: offered.length, heldMs, replies };
}

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

function holdOf(path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath: loop, path }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve((JSON.parse(text) as { longestHoldMs: number }).longestHoldMs),
      );
    });
    asked.on('error', reject).end();
  });
}

let named = 0;
const DONE = '{"content":[{"type":"text","text":"counted"}]}';
const ping = (id: number): string => `data: {"jsonrpc":"2.0","id":"p${id}","method":"ping"}\n\n`;
const pings = (count: number): string => Array.from({ length: count }, (_, i) => ping(i)).join('');
const event = (id: number, result: string): string =>
  `data: {"jsonrpc":"2.0","id":${id},"result":${result}}\n\n`;
const filled = (piece: string, bytes: number): string =>
  Array.from({ length: Math.floor(bytes / (piece.length + 1)) }, () => piece).join(',');
const large = `[${filled('[]', 3.5 * MIB)}]`;

it('replies to few of 9,000 pings, and gets its answer', async () => {
  const { told, heldMs, replies } = await turn({
    call: (response, id) => response.writeHead(200, EVENTS).end(pings(9000) + event(id, DONE)),
  });
  expect(told).toBe('counted');
  expect(replies).toBeLessThan(20);
  expect(heldMs).toBeLessThan(250);
});

it.each([60_000, 400_000])('gives up a call that %d pings precede', async (count) => {
  const { told, heldMs, replies } = await turn({
    call: (response, id) => response.writeHead(200, EVENTS).end(pings(count) + event(id, DONE)),
  });
  expect(told).toBe('The answer of the MCP server is too large.');
  expect(replies).toBeLessThan(20);
  expect(heldMs).toBeLessThan(250);
});

it.each([
  ['empty arrays as structured content', `{"content":[],"structuredContent":{"a":${large}}}`],
  ['empty arrays beside its content', `{"content":[{"type":"text","text":"x","b":${large}}]}`],
  ['parts that are none', `{"content":[${filled('0', 3.5 * MIB)}]}`],
  ['parts without text', `{"content":[${filled('{"type":"text"}', 3.5 * MIB)}]}`],
  ['members with escaped names', `{"content":[],${filled('"\\u0061":0', 3.5 * MIB)}}`],
  ['members', `{"content":[],"_meta":{${filled('"a":{}', 3.5 * MIB)}}}`],
  ['nested arrays', `{"content":[{"a":${'['.repeat(900)}${']'.repeat(900)}}]}`],
])('reads a result with many %s', async (_name, result) => {
  const { heldMs } = await turn({ call: (response, id) => answer(response, id, result) });
  expect(heldMs).toBeLessThan(250);
});

it('reads a message that arrives in chunks of one byte', async () => {
  const text = event(0, `{"content":[{"type":"text","text":"${'x'.repeat(MIB)}"}]}`);
  const { told, heldMs } = await turn({
    call: (response, id) => {
      const bytes = Buffer.from(text.replace('"id":0', `"id":${id}`));
      response.writeHead(200, EVENTS);
      let at = 0;
      const more = (): void => {
        response.cork();
        for (const end = at + 10_000; at < Math.min(end, bytes.length); at += 1) {
          response.write(bytes.subarray(at, at + 1));
        }
        response.uncork();
        if (at < bytes.length) setImmediate(more);
        else response.end();
      };
      more();
    },
  });
  expect(told).toContain('it was cut off after 65536 bytes');
  expect(heldMs).toBeLessThan(250);
});

it('shows the model no more of an error than of a result', async () => {
  const message = 'x'.repeat(3 * MIB);
  const { told, heldMs } = await turn({
    call: (response, id) =>
      response
        .writeHead(200, JSON_TYPE)
        .end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message } })),
  });
  expect(told.length).toBeLessThan(65_536 + 100);
  expect(told).toContain('it was cut off after 65536 bytes');
  expect(heldMs).toBeLessThan(250);
});

it.each([
  [
    'a schema of millions of values',
    `[{"name":"a","inputSchema":{"type":"object","a":${large}}}]`,
    0,
  ],
  ['a schema of 3 MiB', JSON.stringify([tool('x'.repeat(3 * MIB))]), 1],
  [
    'schemas of 4 MiB',
    JSON.stringify(Array.from({ length: 400 }, () => tool('x'.repeat(9000)))),
    116,
  ],
  ['elements that are no tools', `[${filled('0', 0.3 * MIB)}]`, 1],
])('takes what it can use of a list with %s', async (_name, list, offered) => {
  const tools = list.replace('[', `[${JSON.stringify(COUNT)},`);
  const found = await turn({ tools });
  expect(found.offered).toBe(offered);
  expect(found.heldMs).toBeLessThan(250);
});

function tool(description: string): object {
  const properties = { a: { type: 'string', description } };
  named += 1;
  return { name: `t${named}`, inputSchema: { type: 'object', properties } };
}
