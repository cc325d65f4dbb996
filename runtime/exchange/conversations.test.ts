import { afterEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import {
  CONVERSATION,
  beginConversation,
  eventsOf,
  json,
  said,
  say,
} from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, errorOf } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { Seen } from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

type Answering = Parameters<typeof fakeEndpoint>[0];

interface ModelBody {
  model: string;
  system?: string;
  max_tokens: number;
  stream: boolean;
  messages: { role: string; content: unknown }[];
}

const bodyOf = ({ body }: Seen): ModelBody => JSON.parse(body.toString()) as ModelBody;

async function agent(answer: Answering, content: Partial<Content> = {}): Promise<Setup> {
  const endpoint = await fakeEndpoint(answer);
  cleanups.add(() => endpoint.close());
  const endpoints = [
    { name: 'primary', provider: 'Anthropic', baseURL: endpoint.url, model: 'claude-test' },
  ];
  const whole = configuration(endpoint.url, { endpoints, conversation: CONVERSATION, ...content });
  const started = await startRuntime(whole);
  cleanups.add(() => started.stop());
  return { agent: started, endpoint };
}

const fine: Answering = (response) => answerStream(response, said({ text: 'Fine.' }));

describe('a conversation', () => {
  it('continues from message to message, with the system prompt and the model of the spec', async () => {
    const { agent: runtime, endpoint } = await agent(fine, {
      conversation: { ...CONVERSATION, systemPrompt: 'Be brief.' },
    });
    const id = await beginConversation(runtime.url);
    const answer = await say(runtime.url, id, 'How are you?');
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({
      conversation: id,
      role: 'assistant',
      content: [{ type: 'text', text: 'Fine.' }],
      stop_reason: 'end_turn',
      model_calls: 1,
      tool_calls: 0,
      usage: { input_tokens: 3, output_tokens: 2 },
    });
    await say(runtime.url, id, [{ type: 'text', text: 'And now?' }]);
    expect(endpoint.seen.map(bodyOf)).toMatchObject([
      { model: 'claude-test', system: 'Be brief.', max_tokens: 256, stream: true },
      {
        messages: [
          { role: 'user', content: 'How are you?' },
          { role: 'assistant', content: [{ type: 'text', text: 'Fine.' }] },
          { role: 'user', content: [{ type: 'text', text: 'And now?' }] },
        ],
      },
    ]);
    const read = await send(runtime.url, {
      method: 'GET',
      path: `/v1/conversations/${id}`,
      body: '',
    });
    expect(json<{ messages: unknown[] }>(read).messages).toHaveLength(4);
  });

  it('is restored from its messages, and refuses those that cannot be', async () => {
    const { agent: runtime, endpoint } = await agent(fine);
    const earlier = [
      { role: 'user', content: 'Remember 7.' },
      { role: 'assistant', content: 'I do.' },
    ];
    const id = await beginConversation(runtime.url, earlier);
    await say(runtime.url, id, 'Which number?');
    expect(bodyOf(endpoint.seen[0]!).messages.slice(0, 2)).toEqual(earlier);
    const bad = [
      { role: 'user', content: 'Look.' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'look', input: {} }] },
    ];
    const refused = await send(runtime.url, {
      path: '/v1/conversations',
      body: JSON.stringify({ messages: bad }),
    });
    expect(refused.status).toBe(400);
    expect(errorOf(refused).message).toContain('results are missing');
  });

  it('is streamed as events if the client asks for it', async () => {
    const { agent: runtime } = await agent(fine);
    const id = await beginConversation(runtime.url);
    const answer = await say(runtime.url, id, 'Hello', { stream: true });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(eventsOf(answer)).toMatchObject([
      { type: 'turn_start', conversation: id },
      { type: 'text', text: 'Fine.' },
      { type: 'turn_end', stop_reason: 'end_turn', content: [{ type: 'text', text: 'Fine.' }] },
    ]);
  });

  it('takes one message at a time', async () => {
    const released = Promise.withResolvers<void>();
    const { agent: runtime, endpoint } = await agent(async (response) => {
      await released.promise;
      answerStream(response, said({ text: 'Done.' }));
    });
    const id = await beginConversation(runtime.url);
    const first = say(runtime.url, id, 'One');
    await until(() => endpoint.seen.length === 1);
    const second = await say(runtime.url, id, 'Two');
    expect([second.status, second.headers['x-breakwater-reason']]).toEqual([
      409,
      'ConversationBusy',
    ]);
    released.resolve();
    expect((await first).status).toBe(200);
    expect((await say(runtime.url, id, 'Three')).status).toBe(200);
  });

  it('ends when it is deleted, even during a turn', async () => {
    const { agent: runtime, endpoint } = await agent(() => undefined);
    const id = await beginConversation(runtime.url);
    const turn = say(runtime.url, id, 'One');
    await until(() => endpoint.seen.length === 1);
    const path = `/v1/conversations/${id}`;
    expect((await send(runtime.url, { method: 'DELETE', path, body: '' })).status).toBe(204);
    expect((await turn).status).toBe(404);
    await until(() => endpoint.seen[0]!.aborted);
    const late = await say(runtime.url, id, 'Two');
    expect([late.status, late.headers['x-breakwater-reason']]).toEqual([
      404,
      'ConversationNotFound',
    ]);
  });

  it('takes no message beyond the share of memory of all conversations together', async () => {
    const { agent: runtime } = await agent(fine);
    const long = 'x'.repeat(3 * 1024 * 1024);
    const statuses: unknown[] = [];
    for (let i = 0; i < 8; i += 1) {
      const answer = await say(runtime.url, await beginConversation(runtime.url), long);
      statuses.push(answer.headers['x-breakwater-reason'] ?? answer.status);
    }
    const full = 'ConversationMemoryFull';
    expect(statuses).toEqual([200, 200, 200, 200, 200, full, full, full]);
  });

  it('expires when it is idle', async () => {
    const { agent: runtime } = await agent(fine, {
      conversation: { ...CONVERSATION, idleTimeoutMs: 50 },
    });
    const id = await beginConversation(runtime.url);
    const path = `/v1/conversations/${id}`;
    await until(async () => {
      const { status } = await send(runtime.url, { method: 'GET', path, body: '' });
      return status === 404;
    });
  });

  it('forgets a message that was not answered', async () => {
    let broken = true;
    const { agent: runtime, endpoint } = await agent((response) =>
      broken
        ? answerJson(response, { type: 'error', error: { type: 'overloaded_error' } }, 529)
        : answerStream(response, said({ text: 'Fine.' })),
    );
    const id = await beginConversation(runtime.url);
    const answer = await say(runtime.url, id, 'One');
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
      529,
      'ModelOverloaded',
    ]);
    broken = false;
    expect((await say(runtime.url, id, 'One')).status).toBe(200);
    expect(bodyOf(endpoint.seen.at(-1)!).messages).toEqual([{ role: 'user', content: 'One' }]);
  });

  it('ends a turn that takes too long, and returns the messages so far', async () => {
    const { agent: runtime } = await agent(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const event of said({ text: 'So far' }).slice(0, 3)) response.write(event);
      },
      { conversation: { ...CONVERSATION, runTimeoutMs: 300 } },
    );
    const id = await beginConversation(runtime.url);
    expect(json(await say(runtime.url, id, 'One'))).toMatchObject({
      stop_reason: 'run_timeout',
      content: [{ type: 'text', text: 'So far' }],
    });
    expect(runtime.runtime.guard.stats().circuits[0]).toMatchObject({ failures: {}, inFlight: 0 });
  });

  it('answers 504 when a turn took too long and produced nothing', async () => {
    const { agent: runtime } = await agent(() => undefined, {
      conversation: { ...CONVERSATION, runTimeoutMs: 100 },
    });
    const id = await beginConversation(runtime.url);
    const answer = await say(runtime.url, id, 'One');
    expect([answer.status, errorOf(answer).type]).toEqual([504, 'timeout_error']);
  });

  it('goes through the circuit like any request', async () => {
    const { agent: runtime, endpoint } = await agent((response) => void response.destroy(), {
      circuits: [TOUCHY],
    });
    const id = await beginConversation(runtime.url);
    expect((await say(runtime.url, id, 'One')).status).toBe(502);
    const refused = await say(runtime.url, id, 'Two');
    expect([refused.status, refused.headers['x-breakwater-reason']]).toEqual([
      503,
      'CircuitBreakerOpen',
    ]);
    expect(endpoint.seen).toHaveLength(1);
  });

  it('counts in the limits on requests', async () => {
    const { agent: runtime } = await agent(fine, {
      limits: [
        limitOf({
          target: 'inbound',
          policy: 'p',
          name: 'requests',
          resource: 'Requests',
          refill: { amount: 1, perMs: 3_600_000 },
          capacity: 2,
        }),
      ],
    });
    const id = await beginConversation(runtime.url);
    expect((await say(runtime.url, id, 'One')).status).toBe(200);
    const refused = await say(runtime.url, id, 'Two');
    expect([refused.status, refused.headers['x-breakwater-reason']]).toEqual([429, 'RateLimited']);
  });

  it("passes the client's own credential on where the agent has none", async () => {
    const { agent: runtime, endpoint } = await agent(fine);
    const id = await beginConversation(runtime.url);
    await say(runtime.url, id, 'One', { headers: { 'x-api-key': 'mine', 'x-other': 'not' } });
    expect(endpoint.seen[0]!.headers['x-api-key']).toBe('mine');
    expect(endpoint.seen[0]!.headers['x-other']).toBeUndefined();
  });
});

describe('a system prompt in a ConfigMap', () => {
  it('follows the ConfigMap, and is reported when it is missing', async () => {
    const { agent: setting, endpoint } = await agent(fine);
    const path = join(setting.directory, 'prompt.md');
    const runtime = await startRuntime(
      configuration(endpoint.url, {
        endpoints: [
          { name: 'primary', provider: 'Anthropic', baseURL: endpoint.url, model: 'claude-test' },
        ],
        conversation: {
          ...CONVERSATION,
          systemPromptFile: { path, configMap: 'prompts', key: 'prompt.md' },
        },
      }),
    );
    cleanups.add(() => runtime.stop());
    const refused = await send(runtime.url, { path: '/v1/conversations', body: '' });
    expect([refused.status, refused.headers['x-breakwater-reason']]).toEqual([
      500,
      'NotConfigured',
    ]);
    expect(runtime.runtime.snapshot().missingConfigMaps).toEqual([
      { configMap: 'prompts', key: 'prompt.md' },
    ]);
    for (const prompt of ['Be kind.', 'Be brisk.']) {
      await writeFile(path, prompt);
      await until(async () => {
        const created = await send(runtime.url, { path: '/v1/conversations', body: '' });
        if (created.status !== 201) return false;
        await say(runtime.url, json<{ id: string }>(created).id, 'Hello');
        return bodyOf(endpoint.seen.at(-1)!).system === prompt;
      });
    }
    expect(runtime.runtime.snapshot().missingConfigMaps).toEqual([]);
  });
});

describe('a request that is no conversation', () => {
  it.each([
    ['POST', '/v1/conversations/none/messages', '{"content":"x"}', 404, 'ConversationNotFound'],
    ['GET', '/v1/conversations/none', '', 404, 'ConversationNotFound'],
    ['DELETE', '/v1/conversations/none', '', 404, 'ConversationNotFound'],
    ['PUT', '/v1/conversations/none', '', 404, 'NotFound'],
    ['POST', '/v1/conversations/none/messages', '{"content":""}', 400, 'InvalidRequest'],
    ['POST', '/v1/conversations/none/messages', '[]', 400, 'InvalidRequest'],
  ])('%s %s with %j gets %i', async (method, path, body, status, reason) => {
    const { agent: runtime } = await agent(fine);
    const answer = await send(runtime.url, { method, path, body });
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([status, reason]);
  });

  it('leaves nothing behind when its client leaves', async () => {
    const { agent: runtime, endpoint } = await agent(() => undefined);
    const id = await beginConversation(runtime.url);
    const request = open(runtime.url, { path: `/v1/conversations/${id}/messages` });
    request.on('error', () => undefined);
    request.end('{"content":"One"}');
    await until(() => endpoint.seen.length === 1);
    request.destroy();
    await until(() => endpoint.seen[0]!.aborted && runtime.runtime.lifecycle.openRequests === 0);
    expect(runtime.runtime.guard.stats().circuits[0]).toMatchObject({ failures: {}, inFlight: 0 });
  });
});
