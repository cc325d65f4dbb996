import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { TELEMETRY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, json, said, say } from '../testing/conversation.ts';
import { limitOf } from '../testing/guardFixture.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const PROMPT = 'a prompt that no line may hold';
const KEY = 'a-key-that-no-line-may-hold';

type Line = Record<string, unknown>;

const LEVELS = { debug: 20, info: 30, warn: 40 };

/** The lines of these modules from `info` or `least` on, without the time and process they were written in. */
function linesOf(
  agent: StartedRuntime,
  modules = ['access', 'agent', 'model', 'tools'],
  least = LEVELS.info,
): Line[] {
  return agent.logs
    .map((line) => JSON.parse(line) as Line)
    .filter(({ module, level }) => modules.includes(module as string) && Number(level) >= least)
    .map(({ time: _time, pid: _pid, hostname: _host, ...line }) => line);
}

async function endpoint(answer: Parameters<typeof fakeEndpoint>[0]): Promise<FakeEndpoint> {
  const found = await fakeEndpoint(answer);
  cleanups.add(() => found.close());
  return found;
}

async function agentOf(content: Partial<Content>): Promise<StartedRuntime> {
  const agent = await startRuntime(configuration('http://127.0.0.1:1', content));
  cleanups.add(() => agent.stop());
  return agent;
}

const failing = (status: number): Promise<FakeEndpoint> =>
  endpoint((response) => {
    const error = { type: 'error', error: { type: 'api_error', message: PROMPT } };
    response.setHeader('request-id', 'req_of_the_endpoint');
    answerJson(response, error, status);
  });

const RETRY = {
  maxAttempts: 2,
  baseDelayMs: 1,
  maxDelayMs: 1,
  budgetPercent: 100,
  minPerSecond: 1,
};

const named = ({ url }: FakeEndpoint, name: string, priority: number): Content['endpoints'][0] => ({
  ...{ name, provider: 'Anthropic', baseURL: url, model: 'claude-test', priority },
  ...{ weight: 1, requires: [] },
});

describe('the lines of a request', () => {
  it('report each failed attempt, the retry, the move, the tool and the result of the request', async () => {
    const down = await failing(500);
    let asked = 0;
    const spare = await endpoint((response) => {
      asked += 1;
      const use = { id: 'use-1', name: 'look', input: { id: PROMPT } };
      answerStream(response, said(asked === 1 ? { tools: [use] } : { text: PROMPT }));
    });
    const service = await failing(503);
    const agent = await agentOf({
      endpoints: [named(down, 'primary', 0), named(spare, 'spare', 1)],
      retry: RETRY,
      conversation: { ...CONVERSATION, maxTurns: 2 },
      tools: [
        {
          name: 'look',
          description: 'Looks.',
          inputSchema: { type: 'object' },
          maxConcurrent: 1,
          requires: [],
          http: {
            ...{ url: `${service.url}/things/{id}`, method: 'GET', headers: [], headersFrom: [] },
            maxResponseBytes: 100,
          },
        },
      ],
    });
    const id = await beginConversation(agent.url);
    const answer = await send(agent.url, {
      path: `/v1/conversations/${id}/messages`,
      headers: { traceparent: TRACEPARENT, 'x-api-key': KEY },
      body: JSON.stringify({ content: PROMPT }),
    });
    expect(answer.status).toBe(200);
    await until(() => linesOf(agent, ['access']).length === 1);
    const ids = { requestId: expect.stringMatching(/^req_/), traceId: TRACE, conversation: id };
    const warn = (module: string, msg: string, fields: Line): unknown =>
      expect.objectContaining({ level: LEVELS.warn, module, msg, ...ids, ...fields });
    const info = (module: string, msg: string, fields: Line): unknown =>
      expect.objectContaining({ level: LEVELS.info, module, msg, ...ids, ...fields });
    const failed = {
      dependency: 'model/primary',
      model: 'claude-test',
      status: 500,
      reason: 'ServerError',
      upstreamRequestId: 'req_of_the_endpoint',
      durationMs: expect.any(Number),
    };
    const lines = linesOf(agent);
    expect(lines.slice(0, 4)).toEqual([
      warn('model', 'Attempt failed', { ...failed, attempt: 1 }),
      info('model', 'Attempt was retried', { reason: 'ServerError', waitMs: expect.any(Number) }),
      warn('model', 'Attempt failed', { ...failed, attempt: 2 }),
      info('model', 'Request moved to another endpoint', {
        from: 'model/primary',
        to: 'model/spare',
        reason: 'ServerError',
      }),
    ]);
    expect(lines).toContainEqual(
      warn('tools', 'Tool call failed', { tool: 'look', status: 'failed', reason: 'ServerError' }),
    );
    expect(lines.at(-1)).toEqual(
      info('access', 'Request ended', {
        route: '/v1/conversations/{id}/messages',
        model: 'claude-test',
        endpoint: 'model/spare',
        status: 200,
        reason: 'None',
        attempts: expect.any(Number),
        durationMs: expect.any(Number),
        firstTokenMs: expect.any(Number),
        inputTokens: 6,
        outputTokens: 4,
      }),
    );
    expect(answer.headers['request-id']).toBe(lines[0]!['requestId']);
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(1);
    expect(agent.logs.join('')).not.toContain(PROMPT);
    expect(agent.logs.join('')).not.toContain(KEY);
  });

  it('name a turn that a bound has ended', async () => {
    const use = { id: 'use-1', name: 'none', input: {} };
    const model = await endpoint((response) => answerStream(response, said({ tools: [use] })));
    const agent = await agentOf({
      endpoints: [named(model, 'primary', 0)],
      conversation: { ...CONVERSATION, maxTurns: 1 },
    });
    const id = await beginConversation(agent.url);
    expect(json(await say(agent.url, id, 'Hello'))).toMatchObject({ stop_reason: 'max_turns' });
    expect(linesOf(agent, ['agent'])).toContainEqual(
      expect.objectContaining({ msg: 'Turn ended early', reason: 'max_turns', conversation: id }),
    );
  });

  it('name the id of the provider, which a client finds in a forwarded answer', async () => {
    const broken = await endpoint((response) => {
      response.setHeader('request-id', 'req_broken');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of STREAM.slice(0, 4)) response.write(event);
      response.write('', () => response.destroy());
    });
    let asked = 0;
    const slow = await endpoint((response) => {
      asked += 1;
      response.setHeader('request-id', `req_${asked}`);
      answerJson(response, MESSAGE, asked === 1 ? 529 : 200);
    });
    for (const [{ url }, body, last] of [
      [broken, '{"model":"m","stream":true}', 'req_broken'],
      [slow, '{"model":"m"}', 'req_2'],
    ] as const) {
      const agent = await startRuntime(configuration(url, { retry: RETRY }));
      cleanups.add(() => agent.stop());
      const answer = await send(agent.url, { body });
      expect([answer.status, answer.headers['request-id']]).toEqual([200, last]);
      await until(() => linesOf(agent, ['access']).length === 1);
      expect(linesOf(agent, ['access'])[0]).toMatchObject({ upstreamRequestId: last });
      const ids = linesOf(agent).map(({ requestId }) => requestId);
      expect([ids.length > 1, new Set(ids).size]).toEqual([true, 1]);
    }
  });

  it('contain the id that a refused client gets', async () => {
    const agent = await startRuntime();
    cleanups.add(() => agent.stop());
    const answer = await send(agent.url, { headers: { traceparent: TRACEPARENT } });
    expect(answer.status).toBe(503);
    await until(() => linesOf(agent, ['access']).length === 1);
    expect(linesOf(agent, ['access'])).toEqual([
      expect.objectContaining({
        requestId: answer.headers['request-id'],
        traceId: TRACE,
        route: '/v1/messages',
        status: 503,
        reason: 'Starting',
        attempts: 0,
      }),
    ]);
  });
});

describe('successful requests without a retry', () => {
  const logging = (
    successRatio: number,
    levels: Record<string, string> = {},
  ): Pick<Content, 'telemetry'> => ({
    telemetry: { ...TELEMETRY, logging: { successRatio, levels } },
  });

  it('at debug tell the decisions on it, with the length of the message and no text of it', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const tier = { maxEntries: 10, ttlMs: 60_000 };
    const cache = { scope: 'Shared' as const, hot: tier, warm: tier, cold: tier };
    const debugs = { guard: 'Debug', http: 'Debug', model: 'Debug' };
    const refill = { amount: 1, perMs: 3_600_000 };
    const limit = { ...limitOf({ name: 'few', refill, capacity: 2 }), target: 'inbound' };
    const endpoints = [named(model, 'primary', 0)];
    const agent = await agentOf({ endpoints, cache, limits: [limit], ...logging(0, debugs) });
    const body = JSON.stringify({
      ...{ model: 'claude-test', max_tokens: 16 },
      messages: [{ role: 'user', content: PROMPT }],
    });
    for (let i = 0; i < 3; i += 1) await send(agent.url, { body });
    const lines = linesOf(agent, ['guard', 'http', 'model'], LEVELS.debug);
    const read = { msg: 'Request was read', messageLength: body.length };
    const admitted = { msg: 'Permit was granted', target: 'inbound' };
    expect(lines).toMatchObject([
      ...[read, admitted, { msg: 'Cache was asked', tier: 'none', result: 'miss' }],
      { msg: 'Endpoint was chosen', dependency: 'model/primary', attempt: 1 },
      ...[read, admitted, { msg: 'Cache was asked', tier: 'warm', result: 'hit' }],
      ...[read, { msg: 'Permit was refused', reason: 'RateLimited', limit: 'few' }],
    ]);
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(3);
    expect(agent.logs.join('')).not.toContain(PROMPT);
  });

  it('have a line as often as the configuration says, without a restart', async () => {
    const model = await endpoint((response) => answerJson(response, MESSAGE));
    const agent = await agentOf({ endpoints: [named(model, 'primary', 0)], ...logging(0) });
    await send(agent.url);
    let counter = 1;
    const apply = (content: Partial<Content>): void => {
      counter += 1;
      const endpoints = [named(model, 'primary', 0)];
      const next = configuration(model.url, { endpoints, ...content }, { term: 1, counter });
      agent.runtime.configuration.offerPush(1, next);
    };
    apply(logging(1));
    await send(agent.url);
    await until(() => linesOf(agent, ['access']).length > 0);
    expect(linesOf(agent, ['access'])).toEqual([
      expect.objectContaining({
        reason: 'None',
        status: 200,
        endpoint: 'model/primary',
        attempts: 1,
      }),
    ]);
    apply(logging(1, { access: 'Silent', model: 'Unheard' }));
    await send(agent.url);
    const page = json<{ levels: Record<string, string> }>(
      await send(agent.debugUrl, { method: 'GET', path: '/debug/logging' }),
    );
    expect(page.levels).toMatchObject({ access: 'silent', model: 'debug' });
    apply(logging(1, { access: 'Error' }));
    await send(agent.url, { path: '/nothing' });
    apply(logging(1));
    await send(agent.url, { path: '/nothing' });
    await until(() => linesOf(agent, ['access']).length > 1);
    expect(linesOf(agent, ['access']).slice(1)).toEqual([
      expect.objectContaining({ reason: 'NotFound', route: 'other' }),
    ]);
  });
});
