import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallToolResult } from '@modelcontextprotocol/server';
import type { Content, McpServer } from '../../contract/generated/types.ts';
import { AUDIT, TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import { ocsfFaults } from '../testing/ocsf/ocsf.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
let server: RealMcpServer;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcp-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  server = new RealMcpServer();
  server.offer('count');
  server.offer('erase');
  await server.start();
  cleanups.add(() => server.stop());
});
afterEach(() => cleanups.run());

interface Scene {
  agent: StartedRuntime;
  model: FakeEndpoint;
}

/** An agent whose model uses the tool named at first and is done then. */
async function scene(
  use = 'stock__count',
  { mcp, content }: { mcp?: Partial<McpServer>; content?: Partial<Content> } = {},
): Promise<Scene> {
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const done = messages.length % 4 === 3;
    const id = `use-${messages.length}`;
    answerStream(
      response,
      said(done ? { text: 'Done.' } : { tools: [{ id, name: use, input: {} }] }),
    );
  });
  cleanups.add(() => model.close());
  const endpoints = [
    { name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'claude-test' },
  ];
  const stock = {
    name: 'stock',
    url: server.url,
    headersFrom: [],
    maxResponseBytes: 1000,
    maxConcurrent: 10,
    checkIntervalMs: 0,
    ...mcp,
  };
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints,
      conversation: CONVERSATION,
      mcpServers: [stock],
      ...content,
    }),
  );
  cleanups.add(() => agent.stop());
  return { agent, model };
}

type Line = Record<string, unknown> & { metadata: { event_code?: string } };
const parsed = (line: string): Line => JSON.parse(line) as Line;

interface Body {
  tools?: { name: string }[];
  messages: { content: { content: string; is_error?: boolean }[] }[];
}

function last({ model }: Scene): Body {
  return JSON.parse(model.seen.at(-1)!.body.toString()) as Body;
}

const offered = (all: Scene): string[] => (last(all).tools ?? []).map(({ name }) => name);
const told = (all: Scene): unknown => last(all).messages.at(-1)!.content[0];

async function turn({ agent }: Scene): Promise<Record<string, unknown>> {
  return json(await say(agent.url, await beginConversation(agent.url), 'Count'));
}

function circuit({ agent }: Scene): { state: string; failures: object } {
  const { circuits } = agent.runtime.guard.stats();
  return circuits.find(({ dependency }) => dependency === 'mcp/stock')!;
}

describe('an MCP server', () => {
  it('lists its tools, which are called as the model asks', async () => {
    const all = await scene();
    expect(await turn(all)).toMatchObject({ stop_reason: 'end_turn', tool_calls: 1 });
    expect(offered(all)).toEqual(['stock__count', 'stock__erase']);
    expect(told(all)).toMatchObject({ content: 'count was here' });
    expect(server.called).toEqual(['count']);
  });

  it('has an event of each call with its result in the audit', async () => {
    const bad = { isError: true, content: [{ type: 'text' as const, text: 'No.' }] };
    let answers: CallToolResult = { content: [{ type: 'text', text: '7' }] };
    server.offer('count', () => answers);
    const all = await scene('stock__count', { content: { audit: AUDIT } });
    const calls = (): Record<string, unknown>[] =>
      all.agent.audited
        .map(parsed)
        .filter(({ metadata }) => metadata.event_code === 'McpToolCalled');
    await turn(all);
    answers = bad;
    await turn(all);
    await until(() => calls().length >= 2);
    const resources = [{ type: 'mcp', name: 'stock__count' }];
    expect(calls()).toMatchObject([
      { api: { operation: 'mcp.tools.call' }, resources, status: 'Success' },
      { api: { operation: 'mcp.tools.call' }, resources, status: 'Failure' },
    ]);
    for (const { stream: _, ...event } of calls()) expect(ocsfFaults(event)).toEqual([]);
  });

  it('is checked by lists of its tools while no turn uses it', async () => {
    const dependency = 'mcp/stock';
    const circuits = [{ ...TOUCHY, dependency, openDurationMs: 100, maxOpenDurationMs: 100 }];
    const all = await scene('stock__count', {
      mcp: { checkIntervalMs: 50 },
      content: { circuits },
    });
    await until(() => server.requests > 0);
    expect(circuit(all).state).toBe('Closed');
    await server.stop();
    await until(() => circuit(all).state === 'Open');
    await server.start();
    await until(() => circuit(all).state === 'Closed');
    expect([server.called, all.model.seen]).toEqual([[], []]);
  });

  it('is not asked for its list while calls show that it works', async () => {
    const all = await scene('stock__count', { mcp: { checkIntervalMs: 600_000 } });
    await until(() => server.requests > 0);
    await turn(all);
    const { requests } = server;
    await turn(all);
    // One call and nothing else.
    expect(server.requests).toBe(requests + 1);
  });

  it('is not called again for a cached result', async () => {
    const tier = { maxEntries: 10, ttlMs: 60_000 };
    const toolCache = { scope: 'Shared', hot: tier, warm: tier, cold: tier };
    const cache = { ttlMs: 60_000, tools: ['count'] };
    const all = await scene('stock__count', { mcp: { cache }, content: { toolCache } });
    await turn(all);
    await turn(all);
    expect(told(all)).toMatchObject({ content: 'count was here' });
    expect(server.called).toEqual(['count']);
    const other = await scene('stock__erase', { mcp: { cache }, content: { toolCache } });
    await turn(other);
    await turn(other);
    expect(server.called).toEqual(['count', 'erase', 'erase']);
    const page = await (await fetch(`${all.agent.debugUrl}/debug/cache`)).json();
    expect(page).toMatchObject({ toolResults: { hits: 1, misses: 1, hitRatio: 0.5 } });
    const scraped = await (await fetch(`${all.agent.metricsUrl}/metrics`)).text();
    expect(scraped).toContain('cache_lookups_total{cache="tool_results",result="hit"} 1');
    expect(scraped).toContain('cache_entries{cache="tool_results",tier="warm"} 1');
    expect(scraped).toContain('conversations 2\n');
  });

  it('offers only the allowed tools', async () => {
    const all = await scene('stock__erase', { mcp: { allowedTools: ['count'] } });
    await turn(all);
    expect(offered(all)).toEqual(['stock__count']);
    expect(told(all)).toMatchObject({
      is_error: true,
      content: 'There is no tool named stock__erase.',
    });
    expect(server.called).toEqual([]);
  });

  it('shows the model images and documents', async () => {
    const data = Buffer.from('pixels').toString('base64');
    const blob = Buffer.from('pages').toString('base64');
    server.offer('count', () => ({
      content: [
        { type: 'image', mimeType: 'image/png', data },
        { type: 'resource', resource: { uri: 'file:///a', mimeType: 'application/pdf', blob } },
      ],
    }));
    const all = await scene();
    await turn(all);
    expect(told(all)).toMatchObject({
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: blob },
        },
      ],
    });
  });

  it('may change its list of tools', async () => {
    const all = await scene();
    await turn(all);
    await until(() => server.listening > 0);
    server.offer('order');
    await until(async () => {
      await turn(all);
      return offered(all).includes('stock__order');
    });
  });

  it('may be restarted', async () => {
    const all = await scene();
    await turn(all);
    await server.stop();
    server.offer('order');
    await server.start();
    expect(await turn(all)).toMatchObject({ stop_reason: 'end_turn' });
    expect(told(all)).toMatchObject({ content: 'count was here' });
    expect(server.called).toEqual(['count', 'count']);
    expect(circuit(all)).toMatchObject({ state: 'Closed' });
    await until(async () => {
      await turn(all);
      return offered(all).includes('stock__order');
    });
  });

  it('that is down is unavailable until a time, and is found again', async () => {
    const touchy = {
      ...TOUCHY,
      dependency: 'mcp/stock',
      openDurationMs: 1500,
      maxOpenDurationMs: 1500,
    };
    const all = await scene('stock__count', { content: { circuits: [touchy] } });
    await turn(all);
    await server.stop();
    expect(await turn(all)).toMatchObject({ stop_reason: 'end_turn' });
    expect(told(all)).toMatchObject({ is_error: true });
    expect(circuit(all)).toMatchObject({ state: 'Open', failures: { Connection: 1 } });
    await server.start();
    await until(async () => {
      await turn(all);
      return (told(all) as { content: string }).content === 'count was here';
    });
    expect(circuit(all)).toMatchObject({ state: 'Closed' });
  });

  it('does not fail if its tool says that the call was wrong', async () => {
    server.offer('count', () => ({
      isError: true,
      content: [{ type: 'text', text: 'Bad number.' }],
    }));
    const all = await scene();
    await turn(all);
    expect(told(all)).toMatchObject({ is_error: true, content: 'Bad number.' });
    expect(circuit(all)).toMatchObject({ state: 'Closed', failures: {} });
  });

  it('that refuses its credential is not called again until there is another one', async () => {
    server.authorization = 'Bearer good';
    const path = join(directory, 'token');
    await writeFile(path, 'bad');
    const all = await scene('stock__count', {
      mcp: {
        headersFrom: [
          {
            name: 'Authorization',
            prefix: 'Bearer ',
            credential: { path, secret: 'stock', key: 'token' },
          },
        ],
      },
    });
    // Fewer refusals may be a chance.
    await until(async () => {
      await turn(all);
      const gates = all.agent.runtime.guard.gates();
      return gates.some(
        ({ dependency, gate }) => dependency === 'mcp/stock' && gate === 'Unauthorized',
      );
    });
    const { requests } = server;
    await turn(all);
    expect(server.requests).toBe(requests);
    await writeFile(path, 'good');
    await until(async () => {
      await turn(all);
      return server.called.length > 0;
    });
  });
});
