/** MCP servers of 2025, of 2026-07-28 and of both, some of which change or break the rules. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { McpServer, McpServerStatus } from '../../contract/generated/types.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import type { Era } from '../testing/mcpServer.ts';
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
  /** Runs one turn, which calls the tool once; gives what the model was told of it. */
  turn: () => Promise<Told>;
  status: () => McpServerStatus | undefined;
  failures: () => object;
  gates: () => string[];
}

async function scene(url: string, fields: Partial<McpServer> = {}, toolMs = 5000): Promise<Scene> {
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tools = [
      { id: `use-${messages.length}`, name: 'stock__count', input: { place: 'here' } },
    ];
    answerStream(response, said(messages.length === 1 ? { tools } : { text: 'Done.' }));
  });
  cleanups.add(() => model.close());
  const stock = { name: 'stock', url, headersFrom: [], maxResponseBytes: 1000, maxConcurrent: 10 };
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: CONVERSATION,
      mcpServers: [{ ...stock, checkIntervalMs: 0, ...fields }],
      timeouts: { connectMs: 2000, requestMs: 20_000, toolMs },
    }),
  );
  cleanups.add(() => agent.stop());
  const { guard } = agent.runtime;
  return {
    agent,
    turn: async () => {
      const answer = await say(agent.url, await beginConversation(agent.url), 'Count');
      expect(json(answer)).toMatchObject({ stop_reason: 'end_turn' });
      const { messages } = JSON.parse(model.seen.at(-1)!.body.toString()) as {
        messages: { content: Told[] }[];
      };
      return messages.at(-1)!.content[0]!;
    },
    status: () => agent.runtime.snapshot().mcpServers?.[0],
    failures: () =>
      guard.stats().circuits.find(({ dependency }) => dependency === 'mcp/stock')!.failures,
    gates: () => guard.gates().map(({ gate }) => gate),
  };
}

async function started(era: Era): Promise<RealMcpServer> {
  const server = new RealMcpServer({ era });
  server.offer('count');
  await server.start();
  cleanups.add(() => server.stop());
  return server;
}

const COUNTED = { content: 'count was here' };
const HASH = /^sha256:[0-9a-f]{64}$/;
const VERSIONS: [Era, string][] = [
  ['2025', '2025-11-25'],
  ['2026', '2026-07-28'],
  ['Both', '2026-07-28'],
];

describe.each(VERSIONS)('a server of %s', (era, protocolVersion) => {
  it('is called, and its version and the hash of its tools are known', async () => {
    const server = await started(era);
    const all = await scene(server.url);
    expect(await all.turn()).toMatchObject(COUNTED);
    expect(all.status()).toMatchObject({ protocolVersion, stale: false });
    expect(server.called).toEqual(['count']);
  });

  it('announces that its list has changed', async () => {
    const server = await started(era);
    const all = await scene(server.url);
    await all.turn();
    await until(() => server.listening > 0);
    server.offer('order');
    await until(() => all.status()?.tools === 2);
  });

  it('is found again after a restart, and no call is lost', async () => {
    const server = await started(era);
    const all = await scene(server.url);
    await all.turn();
    await server.stop();
    await server.start();
    expect(await all.turn()).toMatchObject(COUNTED);
    expect(all.failures()).toEqual({});
  });

  it('has its tools offered when its last list could not be renewed', async () => {
    const server = await started(era);
    const all = await scene(server.url, { checkIntervalMs: 20 });
    await until(() => all.status() !== undefined);
    const { toolsHash } = all.status()!;
    await server.stop();
    await until(() => all.status()!.stale === true);
    expect(all.status()).toMatchObject({ toolsHash, tools: 1, stale: true });
    expect(await all.turn()).toMatchObject({ is_error: true });
    await server.start();
    await until(() => all.status()!.stale === false);
    expect(await all.turn()).toMatchObject(COUNTED);
  });
});

it('the hash of the tools is the same whatever the server speaks', async () => {
  const server = await started('2025');
  const hashes: unknown[] = [];
  for (const era of ['2025', '2026', 'Both'] as const) {
    server.era = era;
    const all = await scene(server.url);
    await all.turn();
    expect(all.status()!.toolsHash).toMatch(HASH);
    hashes.push(all.status()!.toolsHash);
  }
  expect(new Set(hashes).size).toBe(1);
});

describe('a server that speaks another version than before', () => {
  it.each<[Era, Era]>([
    ['2025', '2026'],
    ['2026', '2025'],
    ['2025', 'Both'],
    ['Both', '2025'],
    ['2026', 'Both'],
  ])('%s and then %s is called at the latest by the second call', async (before, after) => {
    const server = await started(before);
    const all = await scene(server.url);
    await all.turn();
    server.forget();
    server.era = after;
    await all.turn();
    expect(await all.turn()).toMatchObject(COUNTED);
    // Each call is made once at most.
    expect(server.called.length).toBeLessThanOrEqual(3);
    expect(all.failures()).toEqual({});
  });
});

interface Rpc {
  id: number | string;
  method: string;
  params?: { cursor?: string };
}

interface Behaviour {
  discover?: (response: ServerResponse, rpc: Rpc) => void;
  list?: (response: ServerResponse, rpc: Rpc) => void;
  call?: (response: ServerResponse, rpc: Rpc, headers: IncomingHttpHeaders) => void;
  session?: string;
}

function reply(response: ServerResponse, { id }: Rpc, result: object): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

const TOOLS = {
  tools: [{ name: 'count', inputSchema: { type: 'object' } }],
  ...{ resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' },
};
const DONE = { content: [{ type: 'text', text: 'count was here' }], resultType: 'complete' };
const MODERN = {
  supportedVersions: ['2026-07-28'],
  ...{ capabilities: { tools: {} }, resultType: 'complete', ttlMs: 0, cacheScope: 'public' },
};
const serverInfo = { name: 'test', version: '1' };
const LEGACY = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo };
const modern = (response: ServerResponse, rpc: Rpc): void => reply(response, rpc, MODERN);

/** A server of 2025, or of 2026-07-28 with `discover: modern`. Gives the methods that it was asked for. */
async function scripted(behaviour: Behaviour): Promise<{ url: string; asked: string[] }> {
  const { discover, list, call, session } = behaviour;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const rpc = JSON.parse(text) as Rpc;
      asked.push(rpc.method);
      if (rpc.id === undefined) return void response.writeHead(202).end();
      if (rpc.method === 'server/discover' && discover) return discover(response, rpc);
      if (rpc.method === 'initialize') {
        if (session !== undefined) response.setHeader('mcp-session-id', session);
        return reply(response, rpc, LEGACY);
      }
      if (rpc.method === 'tools/list') {
        return list ? list(response, rpc) : reply(response, rpc, TOOLS);
      }
      if (rpc.method !== 'tools/call') return void response.writeHead(400).end();
      return call ? call(response, rpc, request.headers) : reply(response, rpc, DONE);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, asked };
}

describe('a server that answers discovery with', () => {
  it.each([403, 500])('%d is not asked to initialize', async (status) => {
    const { url, asked } = await scripted({
      discover: (response) => void response.writeHead(status).end(),
    });
    const all = await scene(url);
    await all.turn();
    expect(new Set(asked)).toEqual(new Set(['server/discover']));
    expect(all.failures()).toEqual(status === 500 ? { ServerError: expect.any(Number) } : {});
  });

  it('401 is not asked again with the same credential', async () => {
    const { url, asked } = await scripted({
      discover: (response) => void response.writeHead(401).end(),
    });
    const all = await scene(url);
    await all.turn();
    expect(new Set(asked)).toEqual(new Set(['server/discover']));
    expect(all.failures()).toEqual({});
  });

  it('silence fails in time, and is no verdict', async () => {
    let silent = true;
    const { url, asked } = await scripted({
      discover: (response, rpc) => {
        if (!silent) reply(response, rpc, MODERN);
      },
    });
    const all = await scene(url, {}, 1000);
    await all.turn();
    await until(() => Object.hasOwn(all.failures(), 'Timeout'));
    expect(asked).not.toContain('initialize');
    silent = false;
    await until(async () => (await all.turn()).content === COUNTED.content);
  });

  it.each<[string, (response: ServerResponse, rpc: Rpc) => void]>([
    ['202', (response) => void response.writeHead(202).end()],
    ['404', (response) => void response.writeHead(404).end()],
    ['something that is no discovery', (response, rpc) => reply(response, rpc, { a: 1 })],
  ])('%s is asked to initialize', async (_name, discover) => {
    const { url } = await scripted({ discover });
    const all = await scene(url);
    expect(await all.turn()).toMatchObject(COUNTED);
    expect(all.status()).toMatchObject({ protocolVersion: '2025-11-25' });
  });
});

it('what a server speaks is asked once, also over several connections', async () => {
  let lost = false;
  const { url, asked } = await scripted({
    session: 'one',
    call: (response, rpc) => {
      if (lost) reply(response, rpc, DONE);
      else response.writeHead(404).end();
      lost = true;
    },
  });
  const all = await scene(url);
  expect(await all.turn()).toMatchObject(COUNTED);
  expect(asked.filter((method) => method === 'initialize')).toHaveLength(2);
  expect(asked.filter((method) => method === 'server/discover')).toHaveLength(1);
});

it('a list of 64 pages is read up to its 20th', async () => {
  let pages = 0;
  const { url } = await scripted({
    discover: modern,
    list: (response, rpc) => {
      pages += 1;
      const page = Number(rpc.params?.cursor ?? 0);
      const tools = [{ name: page === 0 ? 'count' : `t${page}`, inputSchema: { type: 'object' } }];
      const next = page < 63 ? { nextCursor: String(page + 1) } : {};
      reply(response, rpc, { ...TOOLS, tools, ...next });
    },
  });
  const all = await scene(url);
  expect(await all.turn()).toMatchObject(COUNTED);
  expect([pages, all.status()!.tools]).toEqual([20, 20]);
});

it.each([
  [
    'input',
    { resultType: 'input_required', inputRequests: { a: { method: 'elicitation/create' } } },
  ],
  ['input', { resultType: 'input_required', requestState: 's' }],
  ['task', { resultType: 'task', task: { taskId: '1', status: 'working' } }],
  ['task', { task: { taskId: '1', status: 'working' } }],
])('a tool that answers with %s is an error of the call, made once', async (kind, result) => {
  for (const discover of [modern, undefined]) {
    let calls = 0;
    const { url } = await scripted({
      ...(discover && { discover }),
      call: (response, rpc) => {
        calls += 1;
        reply(response, rpc, result);
      },
    });
    const all = await scene(url);
    const told = await all.turn();
    expect(told).toMatchObject({ is_error: true });
    expect(told.content).toContain(kind === 'input' ? 'asks for input' : 'goes on as a task');
    expect([calls, all.failures()]).toEqual([1, {}]);
  }
});

it('a call that is refused with 400 is not repeated, and the next has another session', async () => {
  let calls = 0;
  const { url, asked } = await scripted({
    session: 'one',
    call: (response, rpc) => {
      calls += 1;
      if (calls === 1) response.writeHead(400).end('no valid session');
      else reply(response, rpc, DONE);
    },
  });
  const all = await scene(url);
  expect(await all.turn()).toMatchObject({ is_error: true });
  expect(calls).toBe(1);
  expect(await all.turn()).toMatchObject(COUNTED);
  expect(asked.filter((method) => method === 'initialize')).toHaveLength(2);
});

it('a value of the arguments goes into the header that the schema names', async () => {
  const properties = { place: { type: 'string', 'x-mcp-header': 'Place' } };
  let header: unknown;
  const { url } = await scripted({
    discover: modern,
    list: (response, rpc) => {
      const tools = [{ name: 'count', inputSchema: { type: 'object', properties } }];
      reply(response, rpc, { ...TOOLS, tools });
    },
    call: (response, rpc, headers) => {
      header = headers['mcp-param-place'];
      reply(response, rpc, DONE);
    },
  });
  const all = await scene(url);
  expect(await all.turn()).toMatchObject(COUNTED);
  expect(header).toBe('here');
});
