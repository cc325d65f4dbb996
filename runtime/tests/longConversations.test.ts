/** Conversations that grow beyond the context of the model. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, errorOf } from '../testing/setup.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint, sse } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const CONTEXT = 4000;
const LONG = 'word '.repeat(500);

/** An agent whose model takes CONTEXT tokens, prompt and answer together, and how often it refused. */
async function agent(
  stated: object,
): Promise<{ url: string; refusals: () => number; sent: () => number[] }> {
  let refusals = 0;
  const lengths: number[] = [];
  const model = await fakeEndpoint((response, { body }) => {
    const { max_tokens: answer, messages } = JSON.parse(body.toString()) as {
      max_tokens: number;
      messages: unknown[];
    };
    // More tokens than bytes ÷ 3.5.
    const tokens = Math.ceil(body.length / 2.5);
    lengths.push(messages.length);
    if (tokens + answer <= CONTEXT) {
      const usage = { input_tokens: tokens, output_tokens: 1 };
      const start = sse('message_start', { message: { ...MESSAGE, content: [], usage } });
      return answerStream(response, [start, ...said({ text: 'Fine.' }).slice(1)]);
    }
    refusals += 1;
    const message = `prompt is too long: ${tokens} tokens > ${CONTEXT} maximum`;
    return answerJson(
      response,
      { type: 'error', error: { type: 'invalid_request_error', message } },
      400,
    );
  });
  cleanups.add(() => model.close());
  const endpoint = {
    name: 'primary',
    provider: 'Anthropic',
    baseURL: model.url,
    model: 'claude-test',
  };
  const endpoints = [{ ...endpoint, ...stated }];
  const started = await startRuntime(
    configuration(model.url, { endpoints, conversation: CONVERSATION }),
  );
  cleanups.add(() => started.stop());
  return { url: started.url, refusals: () => refusals, sent: () => lengths };
}

async function talk(url: string, messages: number): Promise<number[]> {
  const id = await beginConversation(url);
  const statuses: number[] = [];
  for (let i = 0; i < messages; i += 1) statuses.push((await say(url, id, LONG)).status);
  return statuses;
}

const ALL_SERVED = Array.from({ length: 20 }, () => 200);

describe('a conversation that grows beyond the context of its model', () => {
  it('goes on without its oldest messages, and the model refuses none where contextTokens says so', async () => {
    const { url, refusals, sent } = await agent({ contextTokens: CONTEXT });
    expect(await talk(url, 20)).toEqual(ALL_SERVED);
    // The first long prompt teaches how many tokens a byte has.
    expect(refusals()).toBeLessThanOrEqual(1);
    expect(Math.max(...sent())).toBeGreaterThan(3);
  });

  it('goes on with its newer half after a refusal, where nobody says how long the context is', async () => {
    const { url, refusals } = await agent({});
    expect(await talk(url, 20)).toEqual(ALL_SERVED);
    expect(refusals()).toBeGreaterThan(0);
  });

  it('says so when the newest message alone is too long, and goes on after it', async () => {
    const { url } = await agent({});
    const id = await beginConversation(url);
    expect((await say(url, id, LONG)).status).toBe(200);
    const answer = await say(url, id, LONG.repeat(10));
    expect([answer.status, answer.headers['x-breakwater-reason']]).toEqual([400, 'ModelRefused']);
    expect(errorOf(answer).message).toContain('too long for the model');
    expect((await say(url, id, LONG)).status).toBe(200);
  });
});
