/** What calls and turns owe each other at one MCP server. */
import { afterEach, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Told {
  content: string;
  is_error?: boolean;
}

interface Scene {
  agent: StartedRuntime;
  /** A turn that calls the tool with this input; gives what the model was told of it. */
  turn: (kind: string) => Promise<Told>;
}

interface Server {
  name: string;
  url: string;
}

async function scene(servers: readonly Server[], toolMs: number): Promise<Scene> {
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as {
      messages: { content: { text: string }[] | string }[];
    };
    const { content } = messages[0]!;
    const kind = typeof content === 'string' ? content : content[0]!.text;
    const tools = [{ id: 'use-1', name: 'stock__count', input: { kind } }];
    answerStream(response, said(messages.length === 1 ? { tools } : { text: 'Done.' }));
  });
  cleanups.add(() => model.close());
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: CONVERSATION,
      mcpServers: servers.map((server) => ({
        ...server,
        ...{ headersFrom: [], maxResponseBytes: 1000, maxConcurrent: 10, checkIntervalMs: 0 },
      })),
      timeouts: { connectMs: 2000, requestMs: 60_000, toolMs },
    }),
  );
  cleanups.add(() => agent.stop());
  return {
    agent,
    turn: async (kind) => {
      const answer = await say(agent.url, await beginConversation(agent.url), kind);
      expect(json(answer)).toMatchObject({ stop_reason: 'end_turn' });
      const last = model.seen
        .map(({ body }) => JSON.parse(body.toString()) as { messages: { content: Told[] }[] })
        .findLast(({ messages }) => {
          return messages.length === 3 && JSON.stringify(messages[0]).includes(`"${kind}"`);
        })!;
      return last.messages.at(-1)!.content[0]!;
    },
  };
}

interface Rpc {
  id?: number;
  method: string;
  params: { arguments: { kind: string } };
}

function reply(response: ServerResponse, id: number | undefined, result: object): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

/** A server of 2025 with sessions that counts what it is asked for. */
async function sessionServer(
  call: (response: ServerResponse, rpc: Rpc) => void,
): Promise<Server & { asked: string[] }> {
  const asked: string[] = [];
  let sessions = 0;
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const rpc = JSON.parse(text) as Rpc;
      asked.push(rpc.method);
      if (rpc.id === undefined) return void response.writeHead(202).end();
      if (rpc.method === 'tools/call') return call(response, rpc);
      const tools = [{ name: 'count', inputSchema: { type: 'object' } }];
      if (rpc.method === 'tools/list') return reply(response, rpc.id, { tools });
      if (rpc.method !== 'initialize') return void response.writeHead(400).end();
      sessions += 1;
      response.setHeader('mcp-session-id', `s${sessions}`);
      const serverInfo = { name: 'test', version: '1' };
      const hello = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
      reply(response, rpc.id, hello);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { name: 'stock', url: `http://127.0.0.1:${port}/mcp`, asked };
}

const DONE = { content: [{ type: 'text', text: 'counted' }] };

it.each<[string, (response: ServerResponse) => void]>([
  ['breaks off', (response) => response.destroy()],
  ['is answered 500', (response) => void response.writeHead(500).end()],
  ['is refused with 400', (response) => void response.writeHead(400).end()],
  ['finds its session lost', (response) => void response.writeHead(404).end()],
  ['is too large', (response) => void response.end('x'.repeat(5 * 1024 * 1024))],
])('six calls under way end well and once when a seventh %s', async (_name, fail) => {
  const waiting: (() => void)[] = [];
  let failed = 0;
  const server = await sessionServer((response, { id, params }) => {
    if (params.arguments.kind === 'bad') {
      failed += 1;
      response.setHeader('content-type', 'application/json');
      return fail(response);
    }
    waiting.push(() => reply(response, id, DONE));
  });
  const { turn } = await scene([server], 60_000);
  const good = Array.from({ length: 6 }, (_, i) => turn(`good-${i}`));
  await until(() => waiting.length === 6);
  expect(await turn('bad')).toMatchObject({ is_error: true });
  for (const answer of waiting) answer();
  for (const told of await Promise.all(good)) expect(told).toMatchObject({ content: 'counted' });
  expect(waiting).toHaveLength(6);
  expect(failed).toBeLessThanOrEqual(2);
});

it('a call that takes too long takes no other with it', async () => {
  const server = await sessionServer((response, { id, params }) => {
    if (params.arguments.kind !== 'slow') reply(response, id, DONE);
  });
  const { turn } = await scene([server], 1000);
  const [slow, quick] = await Promise.all([turn('slow'), turn('quick')]);
  expect(slow).toMatchObject({ is_error: true, content: 'The tool did not answer in time.' });
  expect(quick).toMatchObject({ content: 'counted' });
  expect(server.asked.filter((method) => method === 'initialize')).toHaveLength(1);
});

it('a turn does not wait for a server that it does not call', async () => {
  const asked: string[] = [];
  // Answers nothing.
  const hung = createServer((request) => void asked.push(request.method!));
  await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    hung.closeAllConnections();
    await new Promise((resolve) => hung.close(resolve));
  });
  const url = `http://127.0.0.1:${(hung.address() as AddressInfo).port}/mcp`;
  const stock = new RealMcpServer();
  stock.offer('count');
  await stock.start();
  cleanups.add(() => stock.stop());
  // The turns of this test would outlast it if they waited for a call's time.
  const { turn } = await scene(
    [
      { name: 'hung', url },
      { name: 'stock', url: stock.url },
    ],
    3_600_000,
  );
  for (const kind of ['one', 'two', 'three']) {
    expect(await turn(kind)).toMatchObject({ content: 'count was here' });
  }
  expect(asked.length).toBeGreaterThan(0);
});
