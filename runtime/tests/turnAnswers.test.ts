/** Answers of the model to the agent's own turns that break off, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { open } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import {
  CONVERSATION,
  beginConversation,
  eventsOf,
  json,
  said,
  say,
} from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerStream, fakeEndpoint, sse } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function model(
  answer: (response: ServerResponse, call: number) => void,
): Promise<FakeEndpoint> {
  let calls = 0;
  const endpoint = await fakeEndpoint((response) => answer(response, (calls += 1)));
  cleanups.add(() => endpoint.close());
  return endpoint;
}

async function agent(
  models: FakeEndpoint[],
  content: Parts<Content> = {},
): Promise<StartedRuntime> {
  const endpoints = models.map(({ url }, i) => ({
    ...{ name: `model-${i}`, provider: 'Anthropic', baseURL: url, model: 'claude-test' },
    priority: i,
  }));
  const retry = {
    maxAttempts: 3,
    baseDelayMs: 1,
    maxDelayMs: 10,
    budgetPercent: 100,
    minPerSecond: 10,
  };
  const whole = { endpoints, conversation: CONVERSATION, retry, ...content };
  const started = await startRuntime(configuration('http://model.invalid', whole));
  cleanups.add(() => started.stop());
  return started;
}

const HALF = said({ text: 'Half of ' }).slice(0, 3);
const OVERLOADED = sse('error', { error: { type: 'overloaded_error', message: 'no' } });

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(HALF.join(''));
}

const BREAKS: [string, (response: ServerResponse) => void][] = [
  ['a reset', (response) => setImmediate(() => response.destroy())],
  ['an early end', (response) => response.end()],
  ['an error event', (response) => response.end(OVERLOADED)],
  ['garbage', (response) => response.end('event: content_block_delta\ndata: {"type":\n\n')],
];

describe.each(BREAKS)('an answer that breaks off after text by %s', (_name, breakOff) => {
  const broken = (response: ServerResponse): void => {
    begin(response);
    breakOff(response);
  };

  it.each([
    ['alone', {}],
    [
      'with a cache',
      {
        cache: {
          scope: 'Client',
          hot: { maxEntries: 9, ttlMs: 9 },
          warm: { maxEntries: 9, ttlMs: 9 },
          cold: { maxEntries: 9, ttlMs: 9 },
        },
      },
    ],
  ])('is repeated in an unstreamed turn, %s', async (_more, content) => {
    const endpoint = await model((response, call) => {
      if (call === 1) broken(response);
      else answerStream(response, said({ text: 'Whole.' }));
    });
    const { url } = await agent([endpoint], content);
    const answer = await say(url, await beginConversation(url), 'Hello');
    expect([answer.status, json(answer).content]).toEqual([
      200,
      [{ type: 'text', text: 'Whole.' }],
    ]);
    expect(endpoint.seen).toHaveLength(2);
  });

  it('moves to another endpoint in an unstreamed turn', async () => {
    const first = await model(broken);
    const second = await model((response) => answerStream(response, said({ text: 'Rescued.' })));
    const { url } = await agent([first, second], { retry: undefined });
    const answer = await say(url, await beginConversation(url), 'Hello');
    expect([answer.status, json(answer).content]).toEqual([
      200,
      [{ type: 'text', text: 'Rescued.' }],
    ]);
  });

  it('fails an unstreamed turn when no attempt is left', async () => {
    const endpoint = await model(broken);
    const { url } = await agent([endpoint]);
    const answer = await say(url, await beginConversation(url), 'Hello');
    expect(answer.status).toBeGreaterThanOrEqual(502);
  });

  it('is not repeated in a streamed turn, whose client has the text', async () => {
    const seen = Promise.withResolvers<void>();
    const endpoint = await model((response) => {
      begin(response);
      void seen.promise.then(() => breakOff(response));
    });
    const { url } = await agent([endpoint]);
    const path = `/v1/conversations/${await beginConversation(url)}/messages`;
    const outgoing = open(url, { path, headers: { accept: 'text/event-stream' } });
    outgoing.end('{"content":"Hello"}');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) {
      text += (chunk as Buffer).toString();
      if (text.includes('Half of')) seen.resolve();
    }
    const events = eventsOf({ body: Buffer.from(text) } as Answer);
    expect(events.map(({ type }) => type)).toEqual(['turn_start', 'text', 'error']);
    expect(endpoint.seen).toHaveLength(1);
  });
});
