import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer } from '../../test/kit/messages.ts';
import { MessagesClient } from '../../test/kit/messages.ts';
import type { Model } from './model.ts';
import { startModel } from './model.ts';
import { credentialFingerprint } from './record.ts';

describe('the simulated model', () => {
  let model: Model;
  let client: MessagesClient;

  beforeEach(async () => {
    model = await startModel();
    client = new MessagesClient(model.url);
  });

  afterEach(async () => {
    client.close();
    await model.stop();
  });

  const put = async (body: string): Promise<Response> =>
    fetch(`${model.url}/control/fault`, { method: 'PUT', body });

  it('answers the official SDK, streaming and not', async () => {
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const request = {
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      messages: [{ role: 'user' as const, content: 'Hello' }],
    };
    const message = await sdk.messages.create(request);
    expect(message).toMatchObject({ model: 'claude-sonnet-5-5', stop_reason: 'end_turn' });
    const streamed = await sdk.messages.stream(request).finalMessage();
    expect(streamed.content).toEqual(message.content);
  });

  it.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello' }] }, 'data: [DONE]'],
    ['/v1/responses', { input: 'Hello' }, '"type":"response.completed"'],
  ])('answers %s as OpenAI does, with its faults', async (path, prompt, end) => {
    const ask = (stream: boolean): Promise<Response> =>
      fetch(`${model.url}${path}`, {
        method: 'POST',
        body: JSON.stringify({ model: 'gpt-test', stream, ...prompt }),
      });
    expect(await (await ask(false)).text()).toContain('calm calm');
    expect(await (await ask(true)).text()).toContain(end);
    expect(model.requests()).toMatchObject({ total: 2, byStatus: { 200: 2 } });
    model.setFault({ status: 429, retryAfter: 3 });
    const refused = await ask(true);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('3');
    expect(refused.headers.get('x-ratelimit-remaining-tokens')).toBeNull();
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error' } });
    model.setFault({ silent: true });
    const silent = await ask(true);
    const begun: Uint8Array[] = [];
    for await (const part of silent.body! as ReadableStream<Uint8Array>) {
      begun.push(part);
      break;
    }
    expect(Buffer.concat(begun).toString()).toMatch(/^(?:event|data): (?!.*calm)/);
  });

  it('reports the tokens of an answer, streaming and not, as configured or counted', async () => {
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const request = {
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      messages: [{ role: 'user' as const, content: 'x'.repeat(40) }],
    };
    const usages = async (): Promise<unknown[]> => [
      (await sdk.messages.create(request)).usage,
      (await sdk.messages.stream(request).finalMessage()).usage,
    ];
    const usual = { input_tokens: 10, output_tokens: 8 };
    expect(await usages()).toMatchObject([usual, usual]);
    model.setFault({ inputTokens: 1234, outputTokens: 567 });
    const told = { input_tokens: 1234, output_tokens: 567 };
    expect(await usages()).toMatchObject([told, told]);
  });

  it('reads from its cache the prompts of requests with cache_control', async () => {
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const cached = { cache_control: { type: 'ephemeral' as const } };
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'y'.repeat(400) }];
    const request = {
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      system: [{ type: 'text' as const, text: 'x'.repeat(4000), ...cached }],
      messages,
    };
    const written = (await sdk.messages.create(request)).usage;
    expect(written.cache_creation_input_tokens).toBeGreaterThan(900);
    expect(written.cache_read_input_tokens).toBe(0);
    messages.push({ role: 'assistant', content: 'z' }, { role: 'user', content: 'More' });
    for (const { usage } of [
      await sdk.messages.create(request),
      await sdk.messages.stream(request).finalMessage(),
    ]) {
      expect(usage.cache_read_input_tokens).toBeGreaterThan(900);
      expect(usage.cache_creation_input_tokens).toBe(0);
      expect(usage.input_tokens).toBeGreaterThan(50);
    }
    const other = new Anthropic({ baseURL: model.url, apiKey: 'other', maxRetries: 0 });
    expect((await other.messages.create(request)).usage.cache_read_input_tokens).toBe(0);
  });

  it.each(['"tools":null', '"system":[null,{"type":"text"}],"tools":[7]', '"system":{"a":1}'])(
    'takes a prompt with %s',
    async (part) => {
      const messages =
        '[{"role":"user","content":[{"type":"text","text":"x","cache_control":{}}]}]';
      const body = `{"model":"m","max_tokens":1,${part},"messages":${messages}}`;
      const answer = await fetch(`${model.url}/v1/messages`, { method: 'POST', body });
      expect(answer.status).toBe(200);
    },
  );

  it('recites its system prompt if configured', async () => {
    model.setFault({ recite: true });
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const answer = await sdk.messages.create({
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      system: 'You are a clerk.',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(answer.content).toMatchObject([{ type: 'text', text: 'You are a clerk.' }]);
  });

  it('asks for tools again after their results if configured to insist', async () => {
    model.setFault({ callTools: [{ name: 'look', input: { id: 7 } }], insist: true });
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const answer = await sdk.messages.create({
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      messages: [
        { role: 'user', content: 'Look' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'u', name: 'look', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'u', content: 'seen' }] },
      ],
    });
    expect(answer.content).toMatchObject([{ type: 'tool_use', name: 'look', input: { id: 7 } }]);
  });

  it('sends additional headers if configured', async () => {
    expect((await put('{"headers": {"anthropic-ratelimit-tokens-remaining": "7"}}')).status).toBe(
      200,
    );
    for (const stream of [true, false]) {
      const { headers } = await client.send({ stream });
      expect(headers['anthropic-ratelimit-tokens-remaining']).toBe('7');
    }
  });

  it('asks for tools in each turn if configured, and then answers', async () => {
    model.setFault({ callTools: [{ name: 'look', input: { id: '7' } }] });
    const sdk = new Anthropic({ baseURL: model.url, apiKey: 'k', maxRetries: 0 });
    const messages: Anthropic.MessageParam[] = [];
    for (const content of ['Hello', 'Hello again']) {
      messages.push({ role: 'user', content });
      const request = { model: 'claude-sonnet-5-5', max_tokens: 16, messages };
      const asked = await sdk.messages.stream(request).finalMessage();
      expect(asked.stop_reason).toBe('tool_use');
      const use = asked.content.find(({ type }) => type === 'tool_use') as Anthropic.ToolUseBlock;
      expect(use).toMatchObject({ name: 'look', input: { id: '7' } });
      const result = { type: 'tool_result' as const, tool_use_id: use.id, content: 'seen' };
      messages.push({ role: 'assistant', content: asked.content });
      messages.push({ role: 'user', content: [result] });
      const answered = await sdk.messages.stream(request).finalMessage();
      expect(answered.stop_reason).toBe('end_turn');
      messages.push({ role: 'assistant', content: answered.content });
    }
  });

  it('fails with a status and its error when a request over HTTP orders it, and recovers', async () => {
    expect((await put('{"status": 529, "retryAfter": 7}')).status).toBe(200);
    const failed = await client.send();
    expect(failed.status).toBe(529);
    expect(failed.headers['retry-after']).toBe('7');
    expect(JSON.parse(failed.body)).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    await put('null');
    expect((await client.send()).status).toBe(200);
  });

  it('fails for one model only if configured, and answers for the others', async () => {
    expect((await put('{"model": "claude-opus-5", "status": 500}')).status).toBe(200);
    const ask = (name: string) =>
      client.send({
        body: JSON.stringify({
          model: name,
          max_tokens: 8,
          messages: [{ role: 'user', content: 'Hello' }],
        }),
      });
    expect((await ask('claude-opus-5')).status).toBe(500);
    expect((await ask('claude-haiku-5')).status).toBe(200);
  });

  it.each([
    ['{"model": 5, "status": 500}', 'fault.model must be the name of a model'],
    ['{"model": "claude-opus-5", "silent": true}', 'fault.silent is for all models'],
    ['{"stauts": 529}', 'fault.stauts is unknown'],
    ['{"status": "529"}', 'fault.status must be a whole number'],
    ['{"status": 200}', 'fault.status must be from 400 to 599'],
    ['{"silent": 1}', 'fault.silent must be true or false'],
    ['{"firstTokenMs": 30001}', 'at most 30000'],
    ['{"headers": {"a": 1}}', 'fault.headers must be an object'],
    ['{"callTools": [{"name": "look"}]}', 'fault.callTools must be a list of tools'],
    ['[]', 'must be a JSON object'],
    ['{', 'must be JSON'],
  ])('refuses the fault %s', async (body, message) => {
    const response = await put(body);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(message);
  });

  it('cuts a stream before it is complete', async () => {
    model.setFault({ cutAfterEvents: 3 });
    const answer = await client.send({ stream: true });
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(false);
    expect(answer.failure).toBe('ECONNRESET');
  });

  it('can fall silent after the head of a stream', async () => {
    model.setFault({ silent: true });
    const leave = new AbortController();
    const begun = Promise.withResolvers<Answer>();
    const answered = client.send({
      stream: true,
      signal: leave.signal,
      onData: (text) => {
        if (text.includes('content_block_start')) begun.resolve({} as Answer);
      },
    });
    await begun.promise;
    expect(model.requests().inFlight).toBe(1);
    leave.abort();
    expect((await answered).complete).toBe(false);
  });

  it('can delay the first token', async () => {
    model.setFault({ firstTokenMs: 60 });
    expect((await client.send({ stream: true })).ms).toBeGreaterThanOrEqual(55);
  });

  it('sends as many text events as asked', async () => {
    model.setFault({ events: 40, eventMs: 1 });
    const answer = await client.send({ stream: true });
    expect(answer.body.match(/text_delta/g)).toHaveLength(40);
    expect(answer.complete).toBe(true);
  });

  it('closes the connection, or answers what is not JSON', async () => {
    model.setFault({ disconnect: true });
    expect((await client.send()).failure).toBe('ECONNRESET');
    model.setFault({ malformed: true });
    const answer = await client.send();
    expect(answer.status).toBe(200);
    expect(() => JSON.parse(answer.body) as unknown).toThrow();
  });

  it('counts requests by status and by credential without showing it', async () => {
    await client.send({ headers: { 'x-api-key': 'one' } });
    model.setFault({ status: 503 });
    await client.send({ headers: { 'x-api-key': 'two' } });
    const record: unknown = await (await fetch(`${model.url}/control/requests`)).json();
    expect(record).toEqual({
      total: 2,
      inFlight: 0,
      byStatus: { 200: 1, 503: 1 },
      aborted: 0,
      byCredential: { [credentialFingerprint('one')]: 1, [credentialFingerprint('two')]: 1 },
    });
    await fetch(`${model.url}/control/requests`, { method: 'DELETE' });
    expect(model.requests().total).toBe(0);
  });
});
