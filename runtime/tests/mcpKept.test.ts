/** Lists of tools of MCP servers that outlive the process which fetched them. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Circuit, McpServer, McpServerStatus } from '../../contract/generated/types.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import { RealRedis } from '../testing/redis.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
let server: RealMcpServer;
let model: FakeEndpoint;
/** The emptyDir of a pod. */
let directory: string;
beforeEach(async () => {
  server = new RealMcpServer();
  server.offer('count');
  server.offer('erase');
  await server.start();
  cleanups.add(() => server.stop());
  model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tools = [{ id: 'use-1', name: 'stock__count', input: {} }];
    answerStream(response, said(messages.length > 1 ? { text: 'Done.' } : { tools }));
  });
  cleanups.add(() => model.close());
  directory = await mkdtemp(join(tmpdir(), 'lists-'));
  cleanups.add(() => rm(directory, { recursive: true }));
});
afterEach(() => cleanups.run());

interface Process {
  agent: StartedRuntime;
  status: () => McpServerStatus | undefined;
  /** Runs one turn: what the model is offered, and what it is told of its call. */
  turn: () => Promise<{ offered: string[]; told: string }>;
}

interface Start {
  redis?: RealRedis | undefined;
  token?: string;
  fields?: Partial<McpServer>;
  circuits?: Circuit[];
}

async function start({ redis, token, fields, circuits = [] }: Start = {}): Promise<Process> {
  const agent = await startRuntime(undefined, undefined, { toolListsDirectory: directory });
  cleanups.add(() => agent.stop());
  const path = join(agent.directory, 'mcp-token');
  if (token !== undefined) await agent.mount('mcp-token', token);
  const stock: McpServer = {
    ...{ name: 'stock', url: server.url, checkIntervalMs: 0 },
    ...{ maxResponseBytes: 1000, maxConcurrent: 10, requires: [] },
    headersFrom:
      token === undefined
        ? []
        : [
            {
              name: 'authorization',
              credential: { secret: 's', key: 'k', path },
            },
          ],
    ...fields,
  };
  agent.runtime.configuration.offerPush(
    1,
    configuration(model.url, {
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: CONVERSATION,
      ...(redis && { redis: { url: redis.url } }),
      mcpServers: [stock],
      circuits,
      timeouts: { connectMs: 2000, requestMs: 20_000, toolMs: 10_000 },
    }),
  );
  return {
    agent,
    status: () => agent.runtime.snapshot().mcpServers?.[0],
    turn: async () => {
      await say(agent.url, await beginConversation(agent.url), 'Count');
      const last = JSON.parse(model.seen.at(-1)!.body.toString()) as {
        tools?: { name: string }[];
        messages: { content: { content: string }[] }[];
      };
      const offered = (last.tools ?? []).map(({ name }) => name);
      return { offered, told: last.messages.at(-1)!.content[0]!.content };
    },
  };
}

const ALL = ['stock__count', 'stock__erase'];
const NONE = { offered: [], told: 'There is no tool named stock__count.' };
const HOUR_MS = 3_600_000;

/** Has a first process fetch the list and keep it; then the server is gone. Gives the hash of its tools. */
async function fetched(options: Start = {}): Promise<string> {
  const first = await start(options);
  await first.turn();
  const { toolsHash } = first.status()!;
  const { redis } = options;
  await until(async () =>
    redis
      ? (await redis.keys()).some((key) => key.includes(':tools:'))
      : (await readdir(directory)).some((name) => name.endsWith('.json')),
  );
  await first.agent.stop();
  await server.stop();
  return toolsHash;
}

/** The one file that is kept. */
async function kept(): Promise<{ path: string; text: string }> {
  const [name = ''] = await readdir(directory);
  const path = join(directory, name);
  return { path, text: await readFile(path, 'utf8') };
}

/** Rewrites the one file that is kept. */
async function tamper(
  change: (list: { savedAt: string; tools: object[] }) => object,
): Promise<void> {
  const { path, text } = await kept();
  const list = JSON.parse(text) as { savedAt: string; tools: object[] };
  await writeFile(path, JSON.stringify(change(list)));
}

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

describe.each(['Redis', 'the emptyDir'])(
  'the last list of a server that is gone, in %s',
  (where) => {
    const store = async (): Promise<RealRedis | undefined> => {
      if (where !== 'Redis') return undefined;
      const redis = await RealRedis.start();
      cleanups.add(() => redis.stop());
      return redis;
    };

    it('is offered by a process that starts, until the server is back', async () => {
      const redis = await store();
      const toolsHash = await fetched({ redis });
      const next = await start({ redis });
      const { offered, told } = await next.turn();
      expect(offered).toEqual(ALL);
      expect(told).toBe('The MCP server could not be reached.');
      expect(next.status()).toMatchObject({ toolsHash, tools: 2, stale: true, withheld: false });
      server.offer('order');
      await server.start();
      await until(async () => (await next.turn()).told === 'count was here');
      await until(() => next.status()!.stale === false);
      expect(next.status()).toMatchObject({ tools: 3, change: { added: ['order'] } });
    });

    it('is not offered to another credential or at another URL', async () => {
      const redis = await store();
      await fetched({ redis, token: 'token-of-alice' });
      for (const token of ['token-of-bob', undefined]) {
        expect(await (await start({ redis, ...(token && { token }) })).turn()).toEqual(NONE);
      }
      const fields = { url: server.url.replace('/mcp', '/other') };
      expect(await (await start({ redis, token: 'token-of-alice', fields })).turn()).toEqual(NONE);
      const { offered } = await (await start({ redis, token: 'token-of-alice' })).turn();
      expect(offered).toEqual(ALL);
    });

    it('holds only what may be used, and neither secret nor URL', async () => {
      const redis = await store();
      await fetched({ redis, token: 'token-of-alice' });
      const names = redis ? await redis.keys() : await readdir(directory);
      const texts = redis ? '' : (await kept()).text;
      expect(names.join() + texts).not.toMatch(/alice|127\.0\.0\.1/);
      const fields = { allowedTools: ['erase'] };
      const { offered } = await (await start({ redis, token: 'token-of-alice', fields })).turn();
      expect(offered).toEqual(['stock__erase']);
    });
  },
);

it('the last list is offered of a server that does not answer', async () => {
  await fetched();
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket));
  const { port } = new URL(server.url);
  await new Promise<void>((resolve) => silent.listen(Number(port), '127.0.0.1', resolve));
  expect((silent.address() as AddressInfo).port).toBe(Number(port));
  cleanups.add(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
  const next = await start();
  expect((await next.turn()).offered).toEqual(ALL);
  expect(next.status()).toMatchObject({ stale: true });
});

it('the last list is offered while the circuit is open', async () => {
  await fetched();
  const shut = { ...TOUCHY, dependency: 'mcp/stock', override: { state: 'Open' as const } };
  const { requests } = server;
  await server.start();
  const next = await start({ circuits: [shut] });
  const { offered, told } = await next.turn();
  expect(offered).toEqual(ALL);
  expect(told).toContain('circuit');
  expect(next.status()).toMatchObject({ tools: 2, stale: true });
  expect(server.requests).toBe(requests);
});

it('a process that reaches the server does not offer the last list', async () => {
  await fetched();
  server = new RealMcpServer({ port: Number(new URL(server.url).port) });
  server.offer('count');
  await server.start();
  cleanups.add(() => server.stop());
  const next = await start();
  expect((await next.turn()).offered).toEqual(['stock__count']);
  expect(next.status()).toMatchObject({ stale: false });
  expect(next.status()!.change).toBeUndefined();
});

it('the last list is renewed when the tools change', async () => {
  const first = await start();
  await first.turn();
  await until(() => server.listening > 0);
  server.offer('order');
  await until(() => first.status()!.tools === 3);
  await until(async () => (await kept()).text.includes('order'));
  await first.agent.stop();
  await server.stop();
  expect((await (await start()).turn()).offered).toEqual([...ALL, 'stock__order']);
});

describe('a last list that is', () => {
  it.each<[string, (list: { savedAt: string; tools: object[] }) => object]>([
    ['older than a day', (list) => ({ ...list, savedAt: ago(25 * HOUR_MS) })],
    ['of the future', (list) => ({ ...list, savedAt: ago(-HOUR_MS) })],
    ['of no time', ({ tools }) => ({ tools, savedAt: 'soon' })],
    ['no list', ({ savedAt }) => ({ savedAt, tools: 'all' })],
    ['larger than a list may be', (list) => ({ ...list, more: 'x'.repeat(2 ** 21) })],
    [
      'nested deeper than JSON may be',
      (list) => ({ ...list, more: JSON.parse(`${'['.repeat(1500)}${']'.repeat(1500)}`) as object }),
    ],
  ])('%s is not offered, and the process runs', async (_what, change) => {
    await fetched();
    await tamper(change);
    const next = await start();
    expect(await next.turn()).toEqual(NONE);
    expect(next.status()).toBeUndefined();
  });

  it.each(['', '{', '[]', 'null', '{"savedAt":"2026-01-01T00:00:00Z"}'])(
    'the text %j is not offered, and the process runs',
    async (text) => {
      await fetched();
      await writeFile((await kept()).path, text);
      expect(await (await start()).turn()).toEqual(NONE);
    },
  );

  it('made by others has only tools that a server could list', async () => {
    await fetched();
    const inputSchema = { type: 'object' };
    const improper = {
      type: 'object',
      properties: { a: { type: 'array', 'x-mcp-header': 'A b' } },
    };
    await tamper(({ savedAt, tools }) => ({
      savedAt,
      tools: [
        { name: 'large', inputSchema, description: 'x'.repeat(300_000) },
        { name: 'improper', inputSchema: improper },
        { name: 7, inputSchema },
        { name: 'schemaless' },
        ...tools,
        ...Array.from({ length: 400 }, (_, i) => ({ name: `t${i}`, inputSchema })),
      ],
    }));
    const next = await start();
    const { offered } = await next.turn();
    expect(offered.slice(0, 3)).toEqual([...ALL, 'stock__t0']);
    expect(offered).toHaveLength(255);
  });
});

describe('a pinned list', () => {
  it('is offered whatever its age', async () => {
    const toolsHash = await fetched();
    await tamper((list) => ({ ...list, savedAt: ago(1000 * HOUR_MS) }));
    const next = await start({ fields: { toolsHash } });
    expect((await next.turn()).offered).toEqual(ALL);
    expect(next.status()).toMatchObject({ toolsHash, stale: true, withheld: false });
  });

  it('is not offered if its tools are not those that are pinned, and that is no incident', async () => {
    const toolsHash = await fetched();
    await tamper(({ savedAt, tools }) => ({ savedAt, tools: tools.slice(1) }));
    const next = await start({ fields: { toolsHash } });
    expect(await next.turn()).toEqual(NONE);
    expect(next.status()).toBeUndefined();
    expect(next.agent.runtime.snapshot().security!.counts).toEqual([]);
  });
});

it('the emptyDir holds the last lists of 32 servers or credentials', async () => {
  const { agent } = await start();
  await agent.stop();
  await Promise.all(
    Array.from({ length: 40 }, (_, i) => writeFile(join(directory, `${i}.json`), '{}')),
  );
  const next = await start();
  await next.turn();
  await until(async () => (await readdir(directory)).length === 32);
  await until(async () => (await readdir(directory)).some((name) => name.length > 64));
});
