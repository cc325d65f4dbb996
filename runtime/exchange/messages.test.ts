import { afterEach, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ownedId } from '../conversations/stores/conversationId.ts';
import { send } from '../testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED, circuit, errorOf, failures, setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, STREAM, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

describe('a message', () => {
  it('reaches the endpoint as the client sent it, except headers of the connection', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const body = Buffer.from('{ "model" : "claude-test",\r\n "x":"\\u00e9 é" , "big": 1e400 }');
    await send(agent.url, {
      path: '/v1/messages?beta=true&a=%20b',
      headers: ['Host', 'agent', 'X-Api-Key', 'k', 'anthropic-beta', 'a', 'anthropic-beta', 'b',
        'Content-Length', String(body.length), 'X-Unknown', 'Ä', 'Connection', 'close'], // prettier-ignore
      body,
    });
    const [seen] = endpoint.seen;
    expect(seen!.body).toEqual(body);
    expect(seen!.url).toBe('/v1/messages?beta=true&a=%20b');
    expect(seen!.headers['x-api-key']).toBe('k');
    expect(seen!.rawHeaders.filter((each) => each === 'anthropic-beta')).toHaveLength(2);
    expect(seen!.headers['x-unknown']).toBe('Ä');
    expect(seen!.headers.host).toBe(new URL(endpoint.url).host);
  });

  it('gets the status, headers and bytes of the answer unchanged, however these are cut into chunks', async () => {
    const text = randomBytes(300_000).toString('base64');
    const bytes = Buffer.from(JSON.stringify({ ...MESSAGE, content: [{ type: 'text', text }] }));
    const { agent } = await setup(cleanups, async (response) => {
      response.writeHead(200, 'Fine', [
        'Content-Type',
        'application/json',
        'X-Odd',
        '1',
        'X-Odd',
        '2',
        'request-id',
        'req_up',
      ]);
      for (let at = 0; at < bytes.length; at += 33_333) {
        response.write(bytes.subarray(at, at + 33_333));
        await new Promise(setImmediate);
      }
      response.end();
    });
    const answer = await send(agent.url);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(answer.status).toBe(200);
    expect(answer.headers['request-id']).toBe('req_up');
    expect(answer.rawHeaders.filter((each) => each === 'X-Odd')).toHaveLength(2);
    expect(answer.headers['x-breakwater-reason']).toBeUndefined();
  });

  it('may have 20 MiB in each direction', async () => {
    const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    const large = Buffer.from(JSON.stringify({ ...MESSAGE, text: 'x'.repeat(20 * 1024 * 1024) }));
    const { agent, endpoint } = await setup(cleanups, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(large);
    });
    const answer = await send(agent.url, { body: large });
    expect(hash(endpoint.seen[0]!.body)).toBe(hash(large));
    expect(hash(answer.body)).toBe(hash(large));
  });

  it('gets a compressed stream decoded, so that an event of the runtime can end it', async () => {
    const whole = gzipSync(STREAM.join(''));
    const cut = gzipSync(STREAM.slice(0, -2).join(''));
    let next = whole;
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, {
          'content-type': 'text/event-stream',
          'content-encoding': 'gzip',
        });
        response.end(next);
      },
      { circuits: [TOUCHY] },
    );
    const answer = await send(context.agent.url, STREAMED);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body.toString()).toBe(STREAM.join(''));
    expect(circuit(context)).toBe('Closed');
    next = cut;
    const broken = await send(context.agent.url, STREAMED);
    expect(broken.body.toString()).toContain('event: error\ndata: {"type":"error"');
    expect(circuit(context)).toBe('Open');
  });

  it('gets an error of the endpoint unchanged', async () => {
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(529, { 'content-type': 'application/json', 'retry-after': '7' });
        response.end('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
      },
      ONE_ATTEMPT,
    );
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(529);
    expect(answer.headers['retry-after']).toBe('7');
    expect(answer.headers['x-breakwater-reason']).toBeUndefined();
    expect(failures(context)).toEqual({ Overloaded: 1 });
  });

  it('has the model of the endpoint if that sets one', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const [first] = agent.runtime.configuration.configuration!.content.endpoints;
    const changed = configuration(
      '',
      { endpoints: [{ ...first!, model: 'other', baseURL: `${endpoint.url}/base/` }] },
      { term: 1, counter: 2 },
    );
    agent.runtime.configuration.offerPush(1, changed);
    await send(agent.url, { body: '{"model":"claude-test", "a":{"model":1}}' });
    expect(endpoint.seen[0]!.body.toString()).toBe('{"model":"other", "a":{"model":1}}');
    expect(endpoint.seen[0]!.url).toBe('/base/v1/messages');
  });

  it('has the credential of the endpoint in place of the client’s', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const path = join(agent.directory, 'api-key');
    const [first] = agent.runtime.configuration.configuration!.content.endpoints;
    const credential = { path, secret: 'anthropic', key: 'api-key' };
    const content = { endpoints: [{ ...first!, credential }] };
    agent.runtime.configuration.offerPush(1, configuration('', content, { term: 1, counter: 2 }));
    const refused = await send(agent.url, { headers: { 'x-api-key': 'clients-own' } });
    expect(refused.status).toBe(503);
    expect(errorOf(refused).type).toBe('api_error');
    expect(errorOf(refused).message).toContain('Secret anthropic lacks api-key');
    expect(refused.headers['x-breakwater-reason']).toBe('CredentialRefused');
    expect(refused.headers['x-should-retry']).toBe('false');
    await agent.mount('api-key', 'mounted-key\n');
    await until(
      async () =>
        (await send(agent.url, { headers: { authorization: 'Bearer c' } })).status === 200,
    );
    expect(endpoint.seen).toHaveLength(1);
    expect(endpoint.seen[0]!.headers['x-api-key']).toBe('mounted-key');
    expect(endpoint.seen[0]!.headers.authorization).toBeUndefined();
    expect(agent.logs.join('')).not.toMatch(/mounted-key|clients-own/);
  });
});

describe('error answers of the runtime', () => {
  it.each([
    ['not JSON', '{"model":'],
    ['an array', '[]'],
    ['nothing', ''],
  ])('to a body that is %s are 400', async (_name, body) => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const answer = await send(agent.url, { body });
    expect(answer.status).toBe(400);
    expect(errorOf(answer).type).toBe('invalid_request_error');
    expect(endpoint.seen).toHaveLength(0);
  });

  it('to a body over 32 MiB are 413, with and without a length', async () => {
    const { agent } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const body = Buffer.alloc(33 * 1024 * 1024, 0x20);
    const announced = await send(agent.url, {
      body,
      headers: { 'content-length': String(body.length) },
    });
    const chunked = await send(agent.url, { body, headers: { 'transfer-encoding': 'chunked' } });
    for (const answer of [announced, chunked]) {
      expect(answer.status).toBe(413);
      expect(errorOf(answer).type).toBe('request_too_large');
      expect(answer.headers['x-breakwater-reason']).toBe('TooLarge');
    }
    expect((await send(agent.url)).status).toBe(200);
  });

  it.each([
    ['GET', '/v1/messages'],
    ['POST', '/v1/messages/'],
    ['POST', '/'],
  ])('to %s %s are 404', async (method, path) => {
    const { agent } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const answer = await send(agent.url, { method, path, body: '' });
    expect(answer.status).toBe(404);
    expect(errorOf(answer).type).toBe('not_found_error');
    expect(answer.headers['x-breakwater-reason']).toBe('NotFound');
    expect(errorOf(answer).message).toContain(`${method} ${path} is not served.`);
    expect(errorOf(answer).message).toContain('The agent serves POST /v1/messages');
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      request_id: answer.headers['request-id'],
    });
  });

  it('beyond the inbound limit are 429 with retry-after in whole seconds', async () => {
    const limit = {
      target: 'inbound',
      policy: 'p',
      name: 'requests',
      resource: 'Requests',
      refill: { amount: 1, perMs: 2500 },
      capacity: 1,
    };
    const { agent } = await setup(cleanups, (response) => answerJson(response, MESSAGE), {
      limits: [limit],
    });
    expect((await send(agent.url)).status).toBe(200);
    const answer = await send(agent.url);
    expect(answer.status).toBe(429);
    expect(errorOf(answer).type).toBe('rate_limit_error');
    expect(['3', '4']).toContain(answer.headers['retry-after']);
    expect(answer.headers['x-breakwater-reason']).toBe('RateLimited');
  });

  it('when the endpoint cannot be reached are 502', async () => {
    const context = await setup(cleanups, () => undefined, ONE_ATTEMPT);
    await context.endpoint.close();
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(502);
    expect(answer.headers['x-breakwater-reason']).toBe('UpstreamUnreachable');
    expect(errorOf(answer).type).toBe('api_error');
    expect(failures(context)).toEqual({ Connection: 1 });
  });

  it('past the deadline are 504', async () => {
    const context = await setup(cleanups, () => undefined, {
      timeouts: { connectMs: 1000, requestMs: 100, streamMs: 3_600_000 },
    });
    const answer = await send(context.agent.url);
    expect(answer.status).toBe(504);
    expect(errorOf(answer).type).toBe('timeout_error');
    expect(failures(context)).toEqual({ Timeout: 1 });
  });

  it.each([
    ['no JSON', 'text/html', '<html>', '{}'],
    ['another object', 'application/json', '{"type":"list"}', '{}'],
    ['no JSON where a stream was asked for', 'text/html', '<html>', STREAMED.body],
  ])('to a 200 with %s are 502', async (_name, type, text, body) => {
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': type }).end(text);
      },
      ONE_ATTEMPT,
    );
    const answer = await send(context.agent.url, { body });
    expect(answer.status).toBe(502);
    expect(answer.headers['x-breakwater-reason']).toBe('InvalidResponse');
    expect(failures(context)).toEqual({ InvalidResponse: 1 });
  });

  it('to what is not HTTP from the endpoint are 502', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-nothing here\r\n\r\n', () => socket.destroySoon());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const agent = await startRuntime(configuration(`http://127.0.0.1:${port}`));
    cleanups.add(() => agent.stop());
    const answer = await send(agent.url);
    expect(answer.status).toBe(502);
    expect(answer.headers['x-breakwater-reason']).toBe('InvalidResponse');
  });

  it.each([
    ['POST', '/v1/messages'],
    ['POST', '/v1/conversations'],
    ['GET', '/v1/conversations/conv_1'],
    ['GET', `/v1/conversations/${ownedId({ address: '10.0.0.9', boot: '0123456789ab' })}`],
  ])('have retry-after while there is no configuration: %s %s', async (method, path) => {
    const agent = await startRuntime();
    cleanups.add(() => agent.stop());
    const answer = await send(agent.url, { method, path });
    const { 'x-breakwater-reason': reason, 'retry-after': after } = answer.headers;
    expect([answer.status, reason, after]).toEqual([503, 'Starting', '1']);
    expect(errorOf(answer).type).toBe('overloaded_error');
  });
});
