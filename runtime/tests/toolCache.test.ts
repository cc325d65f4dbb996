import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cache, Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, eventsOf, json, said } from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const TIER = { maxEntries: 100, ttlMs: 60_000 };
const KEPT: Cache = { scope: 'PerPrincipal', hot: TIER, warm: TIER, cold: TIER };

interface Scene {
  agent: StartedRuntime;
  service: FakeEndpoint;
  configure(content: Partial<Content>): void;
}

/** An agent with clients alice and bob, whose model asks for the tool once in each turn. */
async function scene(
  toolCache: Cache,
  serve: (response: ServerResponse) => void,
  content: Partial<Content> = {},
): Promise<Scene> {
  const keys = await mkdtemp(join(tmpdir(), 'clients-'));
  cleanups.add(() => rm(keys, { recursive: true }));
  for (const name of ['alice', 'bob']) await writeFile(join(keys, name), `key-of-${name}`);
  const service = await fakeEndpoint(serve);
  cleanups.add(() => service.close());
  const model = await fakeEndpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: { content: unknown }[] };
    const answered = JSON.stringify(messages.at(-1)).includes('tool_result');
    const tools = [{ id: `use-${messages.length}`, name: 'look', input: { id: '7' } }];
    answerStream(response, said(answered ? { text: 'Done.' } : { tools }));
  });
  cleanups.add(() => model.close());
  const tool = {
    name: 'look',
    description: 'Looks something up.',
    inputSchema: { type: 'object' },
    http: {
      url: `${service.url}/things/{id}`,
      method: 'GET',
      headers: [],
      headersFrom: [],
      maxResponseBytes: 1000,
    },
    cache: { ttlMs: 60_000 },
    maxConcurrent: 10,
  };
  const base: Partial<Content> = {
    endpoints: [
      {
        name: 'primary',
        provider: 'Anthropic',
        priority: 0,
        weight: 1,
        baseURL: model.url,
        model: 'claude-test',
      },
    ],
    auth: { type: 'APIKeys', apiKeys: { path: keys, secret: 'clients' } },
    conversation: CONVERSATION,
    tools: [tool],
    toolCache,
    circuits: [{ ...TOUCHY, dependency: 'tool/look' }],
    ...content,
  };
  const agent = await startRuntime(configuration(model.url, base));
  cleanups.add(() => agent.stop());
  let counter = 1;
  const configure = (content: Partial<Content>): void => {
    counter += 1;
    const next = configuration(model.url, { ...base, ...content }, { term: 1, counter });
    agent.runtime.configuration.offerPush(1, next);
  };
  return { agent, service, configure };
}

/** What the tool said in a turn of a conversation of its own. */
async function result(
  { agent }: Scene,
  name: string,
  headers: Record<string, string> = { 'x-api-key': `key-of-${name}` },
): Promise<unknown> {
  const begun = await send(agent.url, { path: '/v1/conversations', body: '{}', headers });
  const path = `/v1/conversations/${json<{ id: string }>(begun).id}/messages`;
  const body = JSON.stringify({ content: 'Look.', stream: true });
  const events = eventsOf(await send(agent.url, { path, body, headers }));
  return events.find(({ type }) => type === 'tool_result')!.content;
}

async function results(of: Scene, ...names: string[]): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const name of names) all.push(await result(of, name));
  return all;
}

/** Answers with the number of the call. */
function counting(): (response: ServerResponse) => void {
  let calls = 0;
  return (response) => answerJson(response, (calls += 1));
}

describe('a tool with cached results', () => {
  it('is called once for identical calls of one client, over conversations', async () => {
    const of = await scene(KEPT, counting());
    expect(await results(of, 'alice', 'alice', 'bob', 'bob')).toEqual(['1', '1', '2', '2']);
    expect(of.service.seen).toHaveLength(2);
    const metrics = await of.agent.runtime.metrics.registry.metrics();
    expect(metrics).toContain(
      'agent_tool_calls_total{tool="look",status="success",outcome="ok"} 2',
    );
    expect(metrics).toContain(
      'agent_tool_calls_total{tool="look",status="success",outcome="cached"} 2',
    );
    expect(metrics).toContain('agent_tool_latency_seconds_count{tool="look"} 2');
    const health = await (await fetch(`${of.agent.metricsUrl}/health/ready`)).json();
    expect(health).toMatchObject({ dependencies: { 'tool/look': { lastCall: { ok: true } } } });
  });

  it('is called for each unauthenticated client, by any header that identifies it', async () => {
    const of = await scene(KEPT, counting(), { auth: undefined });
    const all: unknown[] = [];
    for (const name of ['alice', 'bob', 'alice']) {
      all.push(await result(of, name, { 'api-key': name }));
    }
    expect(all).toEqual(['1', '2', '1']);
  });

  it('is called once for all clients where these share', async () => {
    const of = await scene({ ...KEPT, scope: 'Shared' }, counting());
    expect(await results(of, 'alice', 'bob')).toEqual(['1', '1']);
  });

  it('is not needed for cached results', async () => {
    let calls = 0;
    const of = await scene(KEPT, (response) =>
      answerJson(response, (calls += 1), calls > 1 ? 503 : 200),
    );
    await results(of, 'alice', 'bob');
    const { circuits } = of.agent.runtime.snapshot();
    expect(circuits.find(({ dependency }) => dependency === 'tool/look')!.state).toBe('Open');
    expect(await results(of, 'alice')).toEqual(['1']);
  });

  it('is called again after another resetToken, and after the cache was emptied by hand', async () => {
    const of = await scene({ ...KEPT, resetToken: '1' }, counting());
    expect(await results(of, 'alice', 'alice')).toEqual(['1', '1']);
    of.configure({ toolCache: { ...KEPT, resetToken: '2' } });
    expect(await results(of, 'alice', 'alice')).toEqual(['2', '2']);
    const page = `${of.agent.debugUrl}/debug/cache`;
    expect(await (await fetch(page)).json()).toMatchObject({
      mode: 'Disabled',
      toolResults: { hits: 2, misses: 2, clears: 1 },
    });
    await fetch(page, { method: 'DELETE' });
    expect(await results(of, 'alice')).toEqual(['3']);
  });
});
