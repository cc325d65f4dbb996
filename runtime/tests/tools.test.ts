import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content, Tool } from '../../contract/generated/types.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import {
  CONVERSATION,
  beginConversation,
  eventsOf,
  json,
  said,
  say,
} from '../testing/conversation.ts';
import type { Said } from '../testing/conversation.ts';
import { send } from '../testing/client.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint, Seen } from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';

const cleanups = new Cleanups();
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tools-'));
  cleanups.add(() => rm(directory, { recursive: true }));
});
afterEach(() => cleanups.run());

interface Scene {
  agent: StartedRuntime;
  model: FakeEndpoint;
  service: FakeEndpoint;
}

/** What a tool may be besides the usual one. */
type Changes = Partial<Omit<Tool, 'http'>> & { http?: Partial<Tool['http']> };

function lookTool(url: string, { http, ...rest }: Changes = {}): Tool {
  return {
    name: 'look',
    description: 'Looks something up.',
    inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    maxConcurrent: 10,
    ...rest,
    http: {
      url: `${url}/things/{id}`,
      method: 'GET',
      headers: [],
      headersFrom: [],
      maxResponseBytes: 1000,
      ...http,
    },
  };
}

const ask = (input: unknown = { id: '7' }, name = 'look'): Said => ({
  tools: [{ id: `use-${JSON.stringify(input)}`, name, input }],
});

/** An agent whose model says one thing after another and whose tool is answered by `serve`. */
async function scene(
  script: Said[],
  serve: (response: ServerResponse, seen: Seen) => void,
  change: (url: string) => { tool?: Changes; content?: Partial<Content> } = () => ({}),
): Promise<Scene> {
  const service = await fakeEndpoint(serve);
  cleanups.add(() => service.close());
  let spoken = 0;
  const model = await fakeEndpoint((response, { body }) => {
    if (isFirst(body)) spoken = 0;
    const next = script[Math.min(spoken, script.length - 1)]!;
    spoken += 1;
    answerStream(response, said(next));
  });
  cleanups.add(() => model.close());
  const { tool, content } = change(service.url);
  const endpoints = [
    { name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'claude-test' },
  ];
  const agent = await startRuntime(
    configuration(model.url, {
      endpoints,
      conversation: CONVERSATION,
      tools: [lookTool(service.url, tool)],
      ...content,
    }),
  );
  cleanups.add(() => agent.stop());
  return { agent, model, service };
}

/** Whether a conversation has just begun. */
function isFirst(body: Buffer): boolean {
  return (JSON.parse(body.toString()) as { messages: unknown[] }).messages.length === 1;
}

interface Result {
  type: string;
  tool_use_id: string;
  is_error?: boolean;
  content: string;
}

/** What the model was told of the tools it asked for last. */
function told({ model }: Scene): Result[] {
  const { messages } = JSON.parse(model.seen.at(-1)!.body.toString()) as {
    messages: { content: Result[] }[];
  };
  return messages.at(-1)!.content;
}

/** Failures that the circuit of the tool has counted. */
function failuresOf({ agent }: Scene): unknown {
  const { circuits } = agent.runtime.guard.stats();
  return circuits.find(({ dependency }) => dependency === 'tool/look')!.failures;
}

async function turn({ agent }: Scene): Promise<Record<string, unknown>> {
  return json(await say(agent.url, await beginConversation(agent.url), 'Look'));
}

const DONE: Said = { text: 'Done.' };
const fine = (response: ServerResponse): void => answerJson(response, { name: 'seven' });

describe('a tool', () => {
  it('is called as the model asks, and its answer goes back to the model', async () => {
    const all = await scene([{ text: 'Let me see.', ...ask({ id: 'a/b' }) }, DONE], fine, () => ({
      tool: { http: { headers: [{ name: 'X-Team', value: 'support' }] } },
    }));
    const id = await beginConversation(all.agent.url);
    const answer = await say(all.agent.url, id, 'Look', { stream: true });
    expect(all.service.seen[0]).toMatchObject({
      url: '/things/a%2Fb',
      headers: { 'x-team': 'support' },
    });
    expect(told(all)).toEqual([
      { type: 'tool_result', tool_use_id: 'use-{"id":"a/b"}', content: '{"name":"seven"}' },
    ]);
    expect(eventsOf(answer).map(({ type }) => type)).toEqual([
      'turn_start', 'text', 'tool_call', 'tool_result', 'text', 'turn_end',
    ]); // prettier-ignore
    expect(eventsOf(answer).at(-1)).toMatchObject({
      stop_reason: 'end_turn',
      model_calls: 2,
      tool_calls: 1,
    });
    const { tools } = JSON.parse(all.model.seen[0]!.body.toString()) as { tools: unknown[] };
    expect(tools).toEqual([
      { name: 'look', description: 'Looks something up.', input_schema: lookTool('').inputSchema },
    ]);
  });

  it('is called over a new connection each time, so that none is closed under a call', async () => {
    const used = new WeakSet<Socket>();
    const script = [ask({ id: '1' }), ask({ id: '2' }), ask({ id: '3' }), DONE];
    const all = await scene(script, (response) => {
      const socket = response.socket!;
      if (used.has(socket)) return void socket.resetAndDestroy();
      used.add(socket);
      fine(response);
    });
    await turn(all);
    expect(all.service.seen).toHaveLength(3);
    expect(told(all)[0]).toMatchObject({ content: '{"name":"seven"}' });
    const { circuits } = all.agent.runtime.guard.stats();
    expect(circuits.find(({ dependency }) => dependency === 'tool/look')!.failures).toEqual({});
  });

  it('gets the input that its URL does not use as JSON', async () => {
    const all = await scene([ask({ id: '7', deep: { x: [1] } }), DONE], fine, () => ({
      tool: { http: { method: 'POST' } },
    }));
    await turn(all);
    expect(all.service.seen[0]!.body.toString()).toBe('{"deep":{"x":[1]}}');
  });

  it.each([
    ['input that does not fit the schema', ask({ id: 7 }), 'input/id must be string'],
    ['a way out of its path', ask({ id: '..' }), 'leads out of the path'],
    ['a tool that is not there', ask({}, 'other'), 'no tool named other'],
  ])('is not called with %s', async (_what, said, message) => {
    const all = await scene([said, DONE], fine);
    expect(await turn(all)).toMatchObject({ stop_reason: 'end_turn' });
    expect(told(all)[0]).toMatchObject({
      is_error: true,
      content: expect.stringContaining(message),
    });
    expect(all.service.seen).toHaveLength(0);
  });

  it.each([
    [404, {}],
    [503, { ServerError: 1 }],
  ])('that answers %i tells the model so', async (status, failures) => {
    const all = await scene([ask(), DONE], (response) =>
      answerJson(response, { why: 'x' }, status),
    );
    await turn(all);
    expect(told(all)[0]).toMatchObject({
      is_error: true,
      content: expect.stringContaining(`HTTP ${status}`),
    });
    const { circuits } = all.agent.runtime.guard.stats();
    expect(circuits.find(({ dependency }) => dependency === 'tool/look')).toMatchObject({
      failures,
    });
  });

  it('that is down is unavailable until a time, and the model goes on without it', async () => {
    const all = await scene(
      [ask({ id: '1' }), ask({ id: '2' }), DONE],
      (response) => void response.destroy(),
      () => ({
        content: { circuits: [{ ...TOUCHY, dependency: 'tool/look' }] },
      }),
    );
    expect(await turn(all)).toMatchObject({
      stop_reason: 'end_turn',
      content: [{ text: 'Done.' }],
    });
    expect(told(all)[0]!.content).toMatch(/unavailable until \d{4}-.*Z \(its circuit is open/);
    expect(all.service.seen).toHaveLength(1);
  });

  it('whose rate limit is used up is not called, and the turn continues without it', async () => {
    const limit = limitOf({
      target: 'tool/look',
      policy: 'sparing',
      name: 'calls',
      resource: 'Requests',
      refill: { amount: 1, perMs: 600_000 },
      capacity: 1,
    });
    const all = await scene(
      [ask({ id: '1' }), ask({ id: '2' }), DONE],
      (response) => answerJson(response, { found: true }),
      () => ({ content: { limits: [limit] } }),
    );
    expect(await turn(all)).toMatchObject({ stop_reason: 'end_turn' });
    expect(told(all)[0]!.content).toMatch(/unavailable until .*its rate limit is used up/);
    expect(all.service.seen).toHaveLength(1);
  });

  it('that is too slow or too long is cut off', async () => {
    const all = await scene(
      [ask({ id: 'slow' }), ask({ id: 'long' }), DONE],
      (response, { url }) => {
        if (url === '/things/long') response.end('x'.repeat(5000));
      },
      () => ({
        content: {
          timeouts: { connectMs: 2000, requestMs: 20_000, streamMs: 3_600_000, toolMs: 200 },
        },
      }),
    );
    const id = await beginConversation(all.agent.url);
    await say(all.agent.url, id, 'Look');
    expect(told(all)[0]!.content).toBe(
      `${'x'.repeat(1000)}\n[The answer is longer; it was cut off after 1000 bytes.]`,
    );
    const read = await send(all.agent.url, {
      method: 'GET',
      path: `/v1/conversations/${id}`,
      body: '',
    });
    expect(read.body.toString()).toContain('did not answer in time');
    expect(failuresOf(all)).toEqual({ Timeout: 1 });
  });

  it('that hangs opens its circuit, so that no later call waits for it', async () => {
    const timeouts = { connectMs: 2000, requestMs: 20_000, streamMs: 3_600_000, toolMs: 200 };
    const circuits = [{ ...TOUCHY, dependency: 'tool/look' }];
    const hangs = (): void => undefined;
    const all = await scene([ask(), DONE], hangs, () => ({ content: { timeouts, circuits } }));
    await turn(all);
    await turn(all);
    expect(told(all)[0]!.content).toMatch(/unavailable until .*its circuit is open/);
    expect(all.service.seen).toHaveLength(1);
  });

  it('whose credential is refused is not called again until there is another one', async () => {
    const all = await scene(
      ['1', '2', '3', '4', '5', '6'].map((id) => ask({ id })).concat(DONE),
      (response, { headers }) =>
        headers.authorization === 'Bearer good' ? fine(response) : answerJson(response, {}, 401),
      () => ({
        tool: {
          http: {
            headersFrom: [
              {
                name: 'Authorization',
                prefix: 'Bearer ',
                credential: { path: join(directory, 'token'), secret: 'orders', key: 'token' },
              },
            ],
          },
        },
      }),
    );
    await turn(all);
    expect(told(all)[0]!.content).toContain('a Secret of the agent is missing');
    expect(all.agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'tool/look', secret: 'orders', key: 'token' },
    ]);
    await writeFile(join(directory, 'token'), 'bad');
    const gate = (): unknown =>
      all.agent.runtime.guard.gates().find(({ dependency }) => dependency === 'tool/look')?.gate;
    await until(async () => {
      await turn(all);
      return gate() === 'Unauthorized';
    });
    expect(all.service.seen).toHaveLength(5);
    await writeFile(join(directory, 'token'), 'good');
    await until(async () => {
      await turn(all);
      return told(all)[0]!.content === '{"name":"seven"}';
    });
  });

  it('does not follow redirects into private networks, nor with its secrets elsewhere', async () => {
    const elsewhere = await fakeEndpoint(fine);
    cleanups.add(() => elsewhere.close());
    const serve = (response: ServerResponse, { url }: Seen): void => {
      const to = url === '/things/same' ? '/things/here' : elsewhere.url;
      if (url === '/things/here') fine(response);
      else response.writeHead(302, { location: to }).end();
    };
    const all = await scene([ask({ id: 'same' }), DONE], serve);
    await turn(all);
    expect(told(all)[0]!.content).toBe('{"name":"seven"}');
    const refused = await scene([ask({ id: 'other' }), DONE], serve);
    await turn(refused);
    expect(told(refused)[0]!.content).toContain('private network');
    expect(elsewhere.seen).toHaveLength(0);
    const open = await scene([ask({ id: 'other' }), DONE], serve, () => ({
      tool: { http: { headers: [{ name: 'X-Secret', value: 's' }] } },
      content: { egress: { allowHosts: [], denyPrivateNetworks: false } },
    }));
    await turn(open);
    expect(elsewhere.seen[0]!.headers['x-secret']).toBeUndefined();
  });
});

describe('a turn', () => {
  it('ends at maxTurns with its messages so far, and the conversation continues', async () => {
    const all = await scene([{ text: 'Again.', ...ask() }], fine);
    expect(await turn(all)).toMatchObject({
      stop_reason: 'max_turns',
      model_calls: 4,
      tool_calls: 3,
    });
  });

  it('ends in time while a tool runs', async () => {
    const all = await scene(
      [ask()],
      () => undefined,
      () => ({
        content: { conversation: { ...CONVERSATION, runTimeoutMs: 2000 } },
      }),
    );
    expect(await turn(all)).toMatchObject({ stop_reason: 'run_timeout', tool_calls: 1 });
    await until(() => all.service.seen[0]!.aborted);
  });

  it('counts its tools', async () => {
    const all = await scene([ask(), DONE], fine);
    await turn(all);
    const metrics = await all.agent.runtime.metrics.registry.metrics();
    expect(metrics).toContain(
      'agent_tool_calls_total{tool="look",status="success",outcome="ok"} 1',
    );
  });
});
