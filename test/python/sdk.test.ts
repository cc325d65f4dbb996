/** Anthropic's SDK for Python against a runtime in a process of its own, with the simulated model behind it. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startModel } from '../../cli/simulator/model.ts';
import type { Model } from '../../cli/simulator/model.ts';
import { credentialFingerprint } from '../../cli/simulator/record.ts';
import type { Content } from '../../contract/generated/types.ts';
import { TOUCHY, configuration } from '../../runtime/testing/configuration.ts';
import { startProcess } from '../../runtime/testing/process.ts';
import type { RuntimeProcess } from '../../runtime/testing/process.ts';
import { until } from '../../runtime/testing/until.ts';
import { PythonSdk } from './sdk.ts';
import type { Outcome } from './sdk.ts';
import { limitOf } from '../../runtime/testing/guardFixture.ts';

// The first run on a machine installs the SDK.
jest.setTimeout(180_000);

const TOOL = {
  name: 'get_weather',
  description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};
const REQUEST = {
  model: 'claude-simulated',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'What is the weather in Bern?' }],
};

let directory: string;
let runtime: RuntimeProcess;
let model: Model;
let sdk: PythonSdk;
let counter = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'python-sdk-'));
  model = await startModel();
  [runtime, sdk] = await Promise.all([startProcess(directory), PythonSdk.start()]);
});
afterEach(() => {
  model.setFault(undefined);
});
afterAll(async () => {
  await Promise.all([sdk.stop(), runtime.stop()]);
  await model.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Puts the model in force under a new name, so that nothing is remembered of tests before. */
async function serving(content: Partial<Content> = {}): Promise<void> {
  counter += 1;
  const name = `model-${counter}`;
  const circuits = content.circuits?.map((each) => ({ ...each, dependency: `model/${name}` }));
  const endpoints = [{ name, provider: 'Anthropic' as const, baseURL: model.url }];
  const whole = { ...content, endpoints, ...(circuits && { circuits }) };
  await runtime.configure(configuration('', whole, { term: 1, counter }));
  model.resetRequests();
}

function ask(call: string, request: object = REQUEST, retries = 0): Promise<Outcome> {
  return sdk.call({ call, url: runtime.agentUrl, key: `key-${counter}`, request, retries });
}

describe('the Anthropic SDK for Python through the runtime', () => {
  it('gets a message with its own key', async () => {
    await serving();
    const { value } = await ask('message');
    expect(value).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'calm '.repeat(8) }],
      stop_reason: 'end_turn',
      usage: { output_tokens: 8 },
    });
    expect(model.requests().byCredential).toEqual({
      [credentialFingerprint(`Bearer key-${counter}`)]: 1,
    });
  });

  it('streams tool calls, gives their results back and streams the answer', async () => {
    await serving();
    const input = { city: 'Bern', days: 2 };
    model.setFault({ callTools: [{ name: TOOL.name, input }] });
    const request = { ...REQUEST, tools: [TOOL] };
    const first = (await ask('stream', request)).value as Streamed;
    expect(first.message).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', name: TOOL.name, input }],
    });
    expect(new Set(first.types)).toEqual(
      new Set([
        'message_start',
        'content_block_start',
        'content_block_delta',
        'input_json',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ]),
    );
    const [{ id }] = first.message.content as [{ id: string }];
    const result = { type: 'tool_result', tool_use_id: id, content: 'sunny' };
    const messages = [
      ...REQUEST.messages,
      { role: 'assistant', content: first.message.content },
      { role: 'user', content: [result] },
    ];
    const second = (await ask('stream', { ...request, messages })).value as Streamed;
    expect(second.message).toMatchObject({
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: 'calm '.repeat(8) }],
    });
  });

  it('streams to twenty at once', async () => {
    await serving();
    expect((await ask('at_once')).value).toEqual(Array.from({ length: 20 }, () => 'end_turn'));
  });

  it('counts tokens and finds models', async () => {
    await serving();
    const { messages } = REQUEST;
    const counted = await ask('count_tokens', { model: REQUEST.model, messages });
    expect(counted.value).toBe(7);
    expect((await ask('models')).value).toEqual({
      listed: ['claude-simulated', 'claude-simulated-small'],
      retrieved: 'claude-simulated',
    });
  });

  it.each([
    [400, 'BadRequestError', 'invalid_request_error'],
    [401, 'AuthenticationError', 'authentication_error'],
    [403, 'PermissionDeniedError', 'permission_error'],
    [404, 'NotFoundError', 'not_found_error'],
    [413, 'ContentTooLargeError', 'request_too_large'],
    [429, 'RateLimitError', 'rate_limit_error'],
    [500, 'InternalServerError', 'api_error'],
    [529, 'OverloadedError', 'overloaded_error'],
  ])('raises what the model answers: %i as %s', async (status, error, type) => {
    await serving();
    model.setFault({ status });
    for (const call of ['message', 'stream']) {
      const outcome = await ask(call);
      expect(outcome).toMatchObject({ error, status, type });
      expect(outcome.requestId).toMatch(/^req_/);
      await serving();
    }
  });

  it.each([429, 500, 529])('tries again what the model answers with %i', async (status) => {
    await serving();
    model.setFault({ status });
    const asked = ask('message', REQUEST, 2);
    await until(() => model.requests().byStatus[status] === 1);
    model.setFault(undefined);
    expect((await asked).value).toMatchObject({ stop_reason: 'end_turn' });
  });

  it('waits as long as a limit of the agent says', async () => {
    const limit = limitOf({
      target: 'inbound',
      policy: 'one',
      name: 'one',
      resource: 'Requests',
      capacity: 1,
      refill: { amount: 1, perMs: 1500 },
      onLimit: 'Reject',
    });
    await serving({ limits: [limit] });
    expect((await ask('message')).value).toBeDefined();
    const refused = await ask('message');
    expect(refused).toMatchObject({
      error: 'RateLimitError',
      status: 429,
      type: 'rate_limit_error',
    });
    const { value, seconds } = await ask('message', REQUEST, 1);
    expect(value).toMatchObject({ stop_reason: 'end_turn' });
    expect(seconds).toBeGreaterThan(0.9);
    expect(model.requests().total).toBe(2);
  });

  it('comes through once a circuit lets it, and gives up at once where that takes minutes', async () => {
    const short = { ...TOUCHY, openDurationMs: 1000, maxOpenDurationMs: 1000 };
    for (const circuit of [short, TOUCHY]) {
      await serving({ circuits: [circuit] });
      model.setFault({ status: 500 });
      expect(await ask('message')).toMatchObject({ status: 500 });
      model.setFault(undefined);
      model.resetRequests();
      const outcome = await ask('message', REQUEST, 2);
      if (circuit === short) {
        expect(outcome.value).toMatchObject({ stop_reason: 'end_turn' });
        continue;
      }
      expect(outcome).toMatchObject({
        error: 'ServiceUnavailableError',
        status: 503,
        type: 'overloaded_error',
      });
      expect(outcome.seconds).toBeLessThan(10);
      expect(model.requests().total).toBe(0);
    }
  });

  it('is told of a key that the agent does not know, and does not try it again', async () => {
    await serving({ auth: { type: 'APIKeys', apiKeys: { path: directory, secret: 'clients' } } });
    expect(await ask('message', REQUEST, 2)).toMatchObject({
      error: 'AuthenticationError',
      status: 401,
      type: 'authentication_error',
    });
    expect(model.requests().total).toBe(0);
  });

  it('is told of a stream that breaks off', async () => {
    await serving();
    model.setFault({ cutAfterEvents: 4 });
    expect(await ask('stream', REQUEST, 2)).toMatchObject({ type: 'api_error' });
    expect(model.requests().total).toBe(1);
  });

  it('leaves a stream, and the model is left too', async () => {
    await serving();
    model.setFault({ events: 500, eventMs: 100 });
    expect((await ask('leave')).value).toBe('message_start');
    await until(() => model.requests().aborted === 1);
  });
});

interface Streamed {
  types: string[];
  message: { content: unknown[]; stop_reason: string };
}
