/** MCP servers that end their HTTP answers without the answer to a call, or ask for more requests than are due. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { open } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Scene {
  agent: StartedRuntime;
  model: FakeEndpoint;
  /** Runs one turn, which calls the tool once; gives what the model was told of it. */
  turn: () => Promise<{ content: string; is_error?: boolean }>;
  failures: () => object;
  /** Requests for notifications so far. */
  listened: () => number;
}

interface Rpc {
  id: number;
  method: string;
}

interface Behaviour {
  /** Answers a call of the tool. */
  call?: (response: ServerResponse, rpc: Rpc) => void;
  listen?: (response: ServerResponse) => void;
  /** Lets a list of tools go out. */
  list?: () => Promise<void>;
}

const TOOLS = { tools: [{ name: 'count', inputSchema: { type: 'object' } }] };
const HELLO = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'test', version: '1' },
};

function reply(response: ServerResponse, { id }: Rpc, result: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function startServer({
  call,
  listen,
  list,
}: Behaviour): Promise<{ url: string; listened: () => number }> {
  let listened = 0;
  let calls = 0;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'GET') {
      listened += 1;
      return listen ? listen(response) : void response.writeHead(405).end();
    }
    const rpc = JSON.parse(await textOf(request)) as Rpc;
    if (rpc.method === 'initialize') return reply(response, rpc, HELLO);
    if (rpc.method === 'tools/list') {
      await list?.();
      return reply(response, rpc, TOOLS);
    }
    if (rpc.method !== 'tools/call') return void response.writeHead(202).end();
    calls += 1;
    if (call && calls === 1) return call(response, rpc);
    reply(response, rpc, { content: [{ type: 'text', text: 'counted' }] });
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    listened: () => listened,
  };
}

async function scene(behaviour: Behaviour): Promise<Scene> {
  const server = await startServer(behaviour);
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tools = [{ id: `use-${messages.length}`, name: 'stock__count', input: {} }];
    answerStream(response, said(messages.length === 1 ? { tools } : { text: 'Done.' }));
  });
  cleanups.add(() => model.close());
  const stock = { name: 'stock', url: server.url, headersFrom: [] };
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: CONVERSATION,
      mcpServers: [{ ...stock, maxResponseBytes: 1000, maxConcurrent: 10, checkIntervalMs: 0 }],
      // Longer than the test may take.
      timeouts: { connectMs: 2000, requestMs: 60_000, toolMs: 60_000 },
    }),
  );
  cleanups.add(() => agent.stop());
  return {
    ...{ agent, model },
    listened: server.listened,
    turn: async () => {
      const answer = await say(agent.url, await beginConversation(agent.url), 'Count');
      expect(json(answer)).toMatchObject({ stop_reason: 'end_turn' });
      const { messages } = JSON.parse(model.seen.at(-1)!.body.toString()) as {
        messages: { content: { content: string; is_error?: boolean }[] }[];
      };
      return messages.at(-1)!.content[0]!;
    },
    failures: () =>
      agent.runtime.guard.stats().circuits.find(({ dependency }) => dependency === 'mcp/stock')!
        .failures,
  };
}

const EVENTS = { 'content-type': 'text/event-stream' };

describe('a call of an MCP tool', () => {
  it.each<[string, NonNullable<Behaviour['call']>]>([
    ['a stream that ends', (response) => response.writeHead(200, EVENTS).end(': soon\n\n')],
    [
      'a stream that breaks off',
      (response) => {
        response.writeHead(200, EVENTS).write(': soon\n\n', () => response.destroy());
      },
    ],
    ['202', (response) => response.writeHead(202).end()],
    ['the answer to another request', (response) => reply(response, { id: 999, method: '' }, {})],
  ])('fails at once when %s is all that comes, and the next one is made', async (_name, call) => {
    const all = await scene({ call });
    const told = await all.turn();
    expect(told).toMatchObject({ content: 'The MCP server could not be reached.', is_error: true });
    expect(all.failures()).toEqual({ Connection: 1 });
    expect(await all.turn()).toMatchObject({ content: 'counted' });
  });

  it('fails at once when the server offers the rest over another stream', async () => {
    const all = await scene({
      call: (response) => void response.writeHead(200, EVENTS).end('id: e1\nretry: 1\ndata:\n\n'),
      listen: (response) => response.writeHead(405).end(),
    });
    expect(await all.turn()).toMatchObject({ is_error: true });
    await all.turn();
    // The stream of notifications, and none for the rest of the call.
    expect(all.listened()).toBe(1);
  });
});

it('to a server that wants to be asked again at once repeats once a second', async () => {
  const all = await scene({
    listen: (response) => response.writeHead(200, EVENTS).end('retry: 0\n\n'),
  });
  await all.turn();
  await until(() => all.listened() >= 1);
  const began = performance.now();
  await until(() => all.listened() >= 4);
  expect(performance.now() - began).toBeGreaterThan(1500);
});

it('can use the tools of a list that another turn has begun and left', async () => {
  const listing = Promise.withResolvers<void>();
  let asked = 0;
  const all = await scene({
    list: () => {
      asked += 1;
      return listing.promise;
    },
  });
  const { url, runtime } = all.agent;
  const ids = [await beginConversation(url), await beginConversation(url)];
  const leaving = open(url, { path: `/v1/conversations/${ids[0]}/messages` });
  leaving.on('error', () => undefined).end('{"content":"Count"}');
  await until(() => asked === 1);
  const staying = say(url, ids[1]!, 'Count');
  await until(() => runtime.lifecycle.openRequests === 2);
  leaving.destroy();
  await until(() => runtime.lifecycle.openRequests === 1);
  listing.resolve();
  expect(json(await staying)).toMatchObject({ stop_reason: 'end_turn', tool_calls: 1 });
  for (const { body } of all.model.seen) {
    expect(JSON.parse(body.toString())).toHaveProperty('tools');
  }
});
