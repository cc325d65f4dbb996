/** Conversations go on after content that the endpoint refuses. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { configuration } from '../testing/configuration.ts';
import {
  CONVERSATION,
  beginConversation,
  eventsOf,
  json,
  said,
  say,
} from '../testing/conversation.ts';
import { rawEndpoint } from '../testing/rawEndpoint.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Asked {
  messages: {
    role: string;
    content: string | { type: string; text?: string; content?: string }[];
  }[];
}

async function agentOf(baseURL: string, toolUrl = 'http://tool.invalid'): Promise<StartedRuntime> {
  const endpoints = [{ name: 'primary', provider: 'Anthropic', baseURL, model: 'claude-test' }];
  const http = { url: toolUrl, method: 'GET' as const, headers: [], headersFrom: [] };
  const look = { name: 'look', description: 'Looks.', inputSchema: { type: 'object' } };
  const agent = await startRuntime(
    configuration(baseURL, {
      ...{ endpoints, conversation: CONVERSATION },
      tools: [{ ...look, maxConcurrent: 10, http: { ...http, maxResponseBytes: 1000 } }],
    }),
  );
  cleanups.add(() => agent.stop());
  return agent;
}

/** A model that refuses what `bad` finds, as the Messages API does, and otherwise says what it is told to. */
async function modelThat(
  bad: (asked: Asked) => boolean,
  speak: (response: ServerResponse, asked: Asked) => void,
): Promise<{ url: string; last: () => Asked }> {
  const model = await fakeEndpoint((response, { body }) => {
    const asked = JSON.parse(body.toString()) as Asked;
    if (!bad(asked)) return speak(response, asked);
    const error = { type: 'invalid_request_error', message: 'messages.1.content.0: no' };
    answerJson(response, { type: 'error', error }, 400);
  });
  cleanups.add(() => model.close());
  return { url: model.url, last: () => JSON.parse(model.seen.at(-1)!.body.toString()) as Asked };
}

const texts = ({ messages }: Asked): string => JSON.stringify(messages);

describe('a conversation', () => {
  it('goes on after the result of a tool that the endpoint refuses', async () => {
    const service = await fakeEndpoint((response) => answerJson(response, { broken: 'image' }));
    cleanups.add(() => service.close());
    const model = await modelThat(
      (asked) => texts(asked).includes('broken'),
      (response, { messages }) => {
        const tools = [{ id: 'use-1', name: 'look', input: {} }];
        answerStream(response, said(messages.length === 1 ? { tools } : { text: 'Fine.' }));
      },
    );
    const agent = await agentOf(model.url, service.url);
    const id = await beginConversation(agent.url);
    const refused = await say(agent.url, id, 'Look');
    expect([refused.status, refused.headers['x-breakwater-reason']]).toEqual([400, 'ModelRefused']);
    const next = await say(agent.url, id, 'Go on');
    expect([next.status, json(next)]).toMatchObject([200, { stop_reason: 'end_turn' }]);
    expect(model.last().messages.map(({ role }) => role)).toEqual([
      ...['user', 'assistant', 'user', 'user'],
    ]);
    expect(texts(model.last())).toContain('the endpoint of the model refused it');
  });

  it('drops texts without a letter, which the endpoint would refuse in every later request', async () => {
    const blank = (asked: Asked): boolean =>
      asked.messages.some(
        ({ content }) =>
          typeof content !== 'string' &&
          content.some(({ type, text }) => type === 'text' && text!.trim() === ''),
      );
    const model = await modelThat(blank, (response) =>
      answerStream(response, said({ text: '\n\n' })),
    );
    const agent = await agentOf(model.url);
    const id = await beginConversation(agent.url);
    for (let i = 0; i < 2; i += 1) expect((await say(agent.url, id, 'Hello')).status).toBe(200);
  });

  it.each(['600 What', '999 What'])(
    'survives the status %s, and so does the process',
    async (line) => {
      const endpoint = await rawEndpoint(
        cleanups,
        () => `HTTP/1.1 ${line}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      );
      const agent = await agentOf(endpoint.url);
      const id = await beginConversation(agent.url);
      for (const stream of [false, true]) {
        const answer = await say(agent.url, id, 'Hello', { stream });
        expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([
          502,
          'ModelFailed',
        ]);
        expect(eventsOf(answer)).toEqual([]);
      }
    },
  );
});
