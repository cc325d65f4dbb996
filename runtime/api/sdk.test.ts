import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Anthropic from '@anthropic-ai/sdk';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { MESSAGE, STREAM, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const PARAMS = {
  model: 'claude-test',
  max_tokens: 16,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

let endpoint: FakeEndpoint;
let agent: StartedRuntime;
let client: Anthropic;
let broken: boolean;

beforeEach(async () => {
  broken = false;
  endpoint = await fakeEndpoint((response, { body }) => {
    const { stream } = JSON.parse(body.toString()) as { stream?: boolean };
    if (!stream) answerJson(response, MESSAGE);
    else answerStream(response, broken ? STREAM.slice(0, 4) : STREAM);
  });
  agent = await startRuntime(configuration(endpoint.url, { circuits: [TOUCHY] }));
  client = new Anthropic({ baseURL: agent.url, apiKey: 'caller', maxRetries: 0 });
});
afterEach(async () => {
  await agent.stop();
  await endpoint.close();
});

describe('the Anthropic SDK through the runtime', () => {
  it('gets a message', async () => {
    const message = await client.messages.create(PARAMS);
    expect(message.content).toEqual(MESSAGE.content);
    expect(endpoint.seen[0]!.headers.authorization).toBe('Bearer caller');
  });

  it('gets a stream', async () => {
    const message = await client.messages.stream(PARAMS).finalMessage();
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello' }]);
  });

  it('gets an error from a stream that breaks off, and then the open circuit', async () => {
    broken = true;
    const stream = await client.messages.create({ ...PARAMS, stream: true });
    const read = async (): Promise<void> => {
      for await (const _event of stream);
    };
    await expect(read()).rejects.toThrow('broke off');
    await expect(client.messages.create(PARAMS)).rejects.toMatchObject({
      status: 503,
      error: { error: { type: 'overloaded_error' } },
    });
  });
});
