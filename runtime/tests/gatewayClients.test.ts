/** What Claude Code and the SDKs need from a gateway, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Content } from '../../contract/generated/types.ts';
import { open, send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { Cleanups, STREAMED, circuit, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MODELS_MS } from '../model/passThrough.ts';
import { CLAUDE_CODE } from '../testing/claudeCode.ts';
import { MESSAGE, STREAM, answerJson, answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const get = (base: string, path: string, rest: Sent = {}): Promise<Answer> =>
  send(base, { method: 'GET', path, body: '', ...rest });

/** A runtime whose endpoint answers everything with a message. */
function answering(content: Partial<Content> = {}): Promise<Setup> {
  return setup(cleanups, (response) => answerJson(response, MESSAGE), content);
}

/** Puts other fields of the endpoint in force, as the operator pushes them. */
function edit({ agent }: Setup, fields: Partial<Content['endpoints'][number]>, counter = 2): void {
  const [first] = agent.runtime.configuration.configuration!.content.endpoints;
  const content = { endpoints: [{ ...first!, ...fields }] };
  agent.runtime.configuration.offerPush(1, configuration('', content, { term: 1, counter }));
}

/** The whole text that a socket receives until the other side closes it. */
async function raw(base: string, text: string): Promise<string> {
  const { port } = new URL(base);
  const socket = connect(Number(port), '127.0.0.1');
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  socket.write(text);
  await once(socket, 'close');
  return received;
}

describe('a request for messages', () => {
  it('passes with beta=true, every anthropic header and unknown fields, in both directions', async () => {
    const fields = [
      'anthropic-organization-id',
      'org',
      'Anthropic-New',
      'one',
      'Anthropic-New',
      'two',
    ];
    const answer = { ...MESSAGE, context_management: { applied_edits: [] } };
    const { agent, endpoint } = await setup(cleanups, (response) => {
      response.writeHead(200, ['content-type', 'application/json', ...fields]);
      response.end(JSON.stringify(answer));
    });
    const body = JSON.stringify({
      model: 'anthropic/claude-sonnet-5:beta',
      messages: [],
      context_management: { edits: [{ type: 'clear_thinking_20251015' }] },
      speed: 'fast',
    });
    const headers = {
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'context-management-2025-06-27,fast-mode',
      'anthropic-dangerous-direct-browser-access': 'true',
      'x-stainless-retry-count': '0',
      'x-claude-code-session-id': 'session',
    };
    const received = await send(agent.url, { path: '/v1/messages?beta=true', headers, body });
    const [seen] = endpoint.seen;
    expect(seen!.url).toBe('/v1/messages?beta=true');
    expect(seen!.body.toString()).toBe(body);
    expect(seen!.headers).toMatchObject(headers);
    expect(received.body.toString()).toBe(JSON.stringify(answer));
    expect(received.rawHeaders.join('\n')).toContain(fields.join('\n'));
  });

  it('of Claude Code passes unchanged, and so does its stream', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerStream(response));
    const received = await send(agent.url, {
      path: '/v1/messages?beta=true',
      headers: CLAUDE_CODE.headers,
      body: CLAUDE_CODE.body,
    });
    expect([received.status, received.body.toString()]).toEqual([200, STREAM.join('')]);
    const [seen] = endpoint.seen;
    expect(seen!.url).toBe('/v1/messages?beta=true');
    expect(seen!.body.toString()).toBe(CLAUDE_CODE.body);
    const { 'accept-encoding': _, ...headers } = CLAUDE_CODE.headers;
    expect(seen!.headers).toMatchObject(headers);
  });

  it.each([
    [
      400,
      'application/json',
      '{"type":"error","error":{"type":"invalid_request_error","message":"no"},"x":[1]}',
    ],
    [403, 'text/html', '<h1>Forbidden by the proxy in between</h1>'],
    [404, 'application/json', '{"detail":"model not found"}'],
    [413, 'application/json', ''],
    [422, 'text/plain', 'unprocessable \u00e9'],
    [
      529,
      'application/json',
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    ],
  ])('gets the error %i of the provider unchanged', async (status, type, text) => {
    const { agent } = await setup(cleanups, (response) => {
      response.writeHead(status, { 'content-type': type, 'anthropic-odd': 'kept' }).end(text);
    });
    for (const sent of [{}, STREAMED]) {
      const answer = await send(agent.url, sent);
      expect(answer.status).toBe(status);
      expect(answer.body.toString()).toBe(text);
      expect(answer.headers['content-type']).toBe(type);
      expect(answer.headers['anthropic-odd']).toBe('kept');
      expect(answer.headers['x-breakwater-reason']).toBeUndefined();
    }
  });

  it('gets a compressed error unchanged', async () => {
    const bytes = gzipSync('{"type":"error","error":{"type":"api_error","message":"no"}}');
    const { agent } = await setup(cleanups, (response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      response.writeHead(400, headers).end(bytes);
    });
    const answer = await send(agent.url);
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('gets each event of a stream before the next one is sent, from the first content on', async () => {
    let respond: (response: ServerResponse) => void = () => undefined;
    const asked = new Promise<ServerResponse>((resolve) => (respond = resolve));
    const { agent } = await setup(cleanups, (response) => respond(response));
    const request = open(agent.url, {});
    request.end(STREAMED.body);
    const upstream = await asked;
    upstream.writeHead(200, { 'content-type': 'text/event-stream' });
    upstream.write(STREAM.slice(0, 2).join(''));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let received = '';
    response.on('data', (chunk: Buffer) => (received += chunk.toString()));
    await until(() => received === STREAM.slice(0, 2).join(''));
    for (const [i, event] of STREAM.entries()) {
      if (i < 2) continue;
      upstream.write(event);
      await until(() => received === STREAM.slice(0, i + 1).join(''));
    }
    upstream.end();
    await once(response, 'end');
  });

  it.each(['x-api-key', 'authorization'])('may show its key as %s', async (name) => {
    const { agent, endpoint } = await answering();
    const value = name === 'authorization' ? 'Bearer key' : 'key';
    expect((await send(agent.url, { headers: { [name]: value } })).status).toBe(200);
    expect(endpoint.seen[0]!.headers[name]).toBe(value);
  });
});

describe('a request for something else than a message', () => {
  it('may ask for a list of models, as Claude Code does', async () => {
    const { agent, endpoint } = await answering();
    const answer = await get(agent.url, '/v1/models?limit=1000');
    expect(answer.status).toBe(200);
    expect(endpoint.seen[0]!.url).toBe('/v1/models?limit=1000');
  });

  it('is answered within 3 s if the provider does not list its models', async () => {
    const { agent } = await setup(cleanups, () => undefined);
    const began = performance.now();
    const answer = await get(agent.url, '/v1/models?limit=1000');
    expect(MODELS_MS).toBeLessThan(3000);
    // Before the time of a request is over.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect([answer.status, errorOf(answer).type]).toEqual([504, 'timeout_error']);
    expect(answer.headers.location).toBeUndefined();
  });

  it.each([
    'claude-haiku-4-5',
    'anthropic/claude-haiku-4-5',
    'us%2Fanthropic%2fclaude:v1@2',
    'a/b/c.d',
  ])('may ask for the model %s', async (id) => {
    const { agent, endpoint } = await answering();
    expect((await get(agent.url, `/v1/models/${id}?beta=true`)).status).toBe(200);
    expect(endpoint.seen[0]!.url).toBe(`/v1/models/${id}?beta=true`);
  });

  it.each(['../files', 'a/../../files', 'a%2F..%2Ffiles', 'a//b', 'a/', '%2e%2e/files'])(
    'is never a model %s, which leads elsewhere',
    async (id) => {
      const { agent, endpoint } = await answering();
      const text = await raw(
        agent.url,
        `GET /v1/models/${id} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      );
      expect(text).toMatch(/^HTTP\/1.1 404 /);
      expect(endpoint.seen).toHaveLength(0);
    },
  );

  it('may be HEAD /, which shows that the agent is up', async () => {
    const { agent, endpoint } = await answering({
      auth: { type: 'APIKeys', apiKeys: { path: '/nowhere', secret: 'callers' } },
    });
    const text = await raw(agent.url, 'HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(text).toMatch(/\r\n\r\n$/);
    expect(endpoint.seen).toHaveLength(0);
  });
});

it.each(['a message', 'a stream', 'another route'])(
  'a provider cannot speak for the agent by headers of the agent: %s',
  async (what) => {
    const forged = {
      'X-Breakwater-Reason': 'Forged',
      'x-breakwater-other': 'Forged',
      'x-own': 'a',
    };
    const { agent } = await setup(
      cleanups,
      (response) => {
        for (const [name, value] of Object.entries(forged)) response.setHeader(name, value);
        if (what === 'a stream') answerStream(response);
        else answerJson(response, MESSAGE);
      },
      { routes: ['/v1/files'] },
    );
    const stream = what === 'a stream' ? { body: '{"model":"m","stream":true}' } : {};
    const path = what === 'another route' ? { path: '/v1/files' } : {};
    const { headers } = await send(agent.url, { ...stream, ...path });
    expect(headers['x-own']).toBe('a');
    expect(Object.values(headers)).not.toContain('Forged');
  },
);

describe('other routes of the provider', () => {
  const FORM = {
    'content-type': 'multipart/form-data; boundary=b',
    'anthropic-beta': 'files-api-2025-04-14',
  };

  it.each([
    ['GET', '/v1/messages/batches?limit=3'],
    ['POST', '/v1/messages/batches'],
    ['POST', '/v1/files'],
    ['DELETE', '/v1/skills/skill_1'],
  ])('are 404 unless spec.routes names them: %s %s', async (method, path) => {
    const { agent, endpoint } = await answering();
    const answer = await send(agent.url, { method, path, body: '' });
    expect(answer.status).toBe(404);
    expect(errorOf(answer).type).toBe('not_found_error');
    const [named] = path.split('?');
    expect(errorOf(answer).message).toContain(`${method} ${named}`);
    expect(errorOf(answer).message).toContain('spec.routes');
    expect(endpoint.seen).toHaveLength(0);
  });

  it('pass with any content in both directions if spec.routes names them', async () => {
    const bytes = Buffer.from([0, 255, 1, 254]);
    const { agent, endpoint } = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'x-file': 'f' });
        response.end(bytes);
      },
      { routes: ['/v1/files'] },
    );
    const uploaded = await send(agent.url, {
      path: '/v1/files?beta=true',
      headers: FORM,
      body: bytes,
    });
    const read = await get(agent.url, '/v1/files/file_1/content');
    await send(agent.url, { method: 'DELETE', path: '/v1/files/file_1', body: '' });
    for (const { status, headers, body } of [uploaded, read]) {
      expect([status, headers['x-file'], body.equals(bytes)]).toEqual([200, 'f', true]);
    }
    expect(endpoint.seen[0]!.headers).toMatchObject(FORM);
    expect(endpoint.seen[0]!.body.equals(bytes)).toBe(true);
    expect(endpoint.seen.map(({ url }) => url)).toEqual([
      '/v1/files?beta=true',
      '/v1/files/file_1/content',
      '/v1/files/file_1',
    ]);
  });

  it.each([
    '/v1/files/../messages',
    '/v1/files/%2e%2e/x',
    '/v1/filesystem',
    '/v1/files//x',
    '/v1/files/%',
    '/v1/files/..;/messages',
    '/v1/files/%252e%252e/messages',
    '/v1/files/..%00/messages',
    '/v1/files/..%20/messages',
    '/v1/files/.../messages',
    '/v1/files/%EF%BC%8E%EF%BC%8E/messages',
    '/v1/files/a%2F..%2Fmessages',
    '/v1/files/a%5c..%5cmessages',
    '/v1/files/x#/../../messages',
  ])('do not include similar paths: %s', async (path) => {
    const { agent, endpoint } = await answering({ routes: ['/v1/files'] });
    const text = await raw(
      agent.url,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 404 /);
    expect(endpoint.seen).toHaveLength(0);
  });

  it.each(['file_1', 'a.b-c~d', 'x:cancel', '%3Ax', 'a@b', 'a+b'])(
    'include paths that all servers read the same way: %s',
    async (id) => {
      const { agent, endpoint } = await answering({ routes: ['/v1/files'] });
      expect((await get(agent.url, `/v1/files/${id}`)).status).toBe(200);
      expect(endpoint.seen[0]!.url).toBe(`/v1/files/${id}`);
    },
  );

  it('flow as long as bytes come, and are cut after a silence', async () => {
    const timeouts = { connectMs: 2000, requestMs: 1000, transportIdleMs: 3000 };
    let rest = (): void => undefined;
    const context = await setup(
      cleanups,
      (response) => {
        response.writeHead(200, { 'content-type': 'application/x-jsonl' }).write('one\n');
        rest = () => response.end('two\n');
      },
      { routes: ['/v1/messages/batches'], timeouts, circuits: [TOUCHY] },
    );
    const path = '/v1/messages/batches/b_1/results';
    const began = performance.now();
    const flowing = get(context.agent.url, path);
    await until(() => performance.now() - began > 1300);
    rest();
    expect((await flowing).body.toString()).toBe('one\ntwo\n');
    await expect(get(context.agent.url, path)).rejects.toThrow('aborted');
    expect(circuit(context)).toBe('Closed');
  });

  it('follow an edit of spec.routes', async () => {
    const { agent, endpoint } = await answering();
    const put = (routes: string[], counter: number): void => {
      const offered = configuration(endpoint.url, { routes }, { term: 1, counter });
      agent.runtime.configuration.offerPush(1, offered);
    };
    expect((await get(agent.url, '/v1/skills')).status).toBe(404);
    put(['/v1/skills'], 2);
    expect((await get(agent.url, '/v1/skills')).status).toBe(200);
    put([], 3);
    expect((await get(agent.url, '/v1/skills')).status).toBe(404);
  });

  it('are sent once, to one endpoint, without a vote', async () => {
    const context = await setup(
      cleanups,
      (response) => answerJson(response, { type: 'error', error: { type: 'api_error' } }, 500),
      { routes: ['/v1/messages/batches'], circuits: [TOUCHY] },
    );
    const { agent, endpoint } = context;
    const [first] = agent.runtime.configuration.configuration!.content.endpoints;
    const endpoints = [first!, { ...first!, name: 'fallback', priority: 1 }];
    const retry = { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 100 };
    const content = { endpoints, retry, routes: ['/v1/messages/batches'], circuits: [TOUCHY] };
    agent.runtime.configuration.offerPush(1, configuration('', content, { term: 1, counter: 2 }));
    const answer = await send(agent.url, { path: '/v1/messages/batches' });
    expect(answer.status).toBe(500);
    expect(endpoint.seen).toHaveLength(1);
    expect(circuit(context)).toBe('Closed');
  });

  it('are not sent again when the connection breaks, because a batch may exist', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => void response.destroy(), {
      routes: ['/v1/messages/batches'],
      retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 100 },
    });
    expect((await send(agent.url, { path: '/v1/messages/batches' })).status).toBe(502);
    expect(endpoint.seen).toHaveLength(1);
  });

  it('get an error in the usual form when the provider is unreachable', async () => {
    const { agent, endpoint } = await answering({ routes: ['/v1/files'] });
    await endpoint.close();
    const answer = await get(agent.url, '/v1/files');
    expect(answer.status).toBe(502);
    expect(answer.headers['x-breakwater-reason']).toBe('UpstreamUnreachable');
  });
});

describe('an endpoint', () => {
  const file = (
    agent: Setup['agent'],
    key: string,
  ): { path: string; secret: string; key: string } => ({
    path: `${agent.directory}/${key}`,
    secret: 'gateway',
    key,
  });

  it('gets its key in the declared header, and the header values that it needs', async () => {
    const context = await answering();
    const { agent, endpoint } = context;
    await agent.mount('api-key', 'secret-key\n');
    await agent.mount('value', 'secret-token\n');
    const headers = { 'x-api-key': 'callers', 'X-Gateway': 'callers' };
    edit(context, { credential: file(agent, 'api-key'), credentialScheme: 'Bearer' });
    expect((await send(agent.url, { headers })).status).toBe(200);
    expect(endpoint.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer secret-key',
      'x-gateway': 'callers',
    });
    expect(endpoint.seen[0]!.headers['x-api-key']).toBeUndefined();
    const headersFrom = [{ name: 'x-gateway', prefix: 'Token ', credential: file(agent, 'value') }];
    edit(
      context,
      { credential: file(agent, 'api-key'), credentialScheme: 'APIKey', headersFrom },
      3,
    );
    expect((await send(agent.url, { headers })).status).toBe(200);
    expect(endpoint.seen[1]!.headers).toMatchObject({
      'x-api-key': 'secret-key',
      'x-gateway': 'Token secret-token',
    });
    expect(agent.logs.join('')).not.toMatch(/secret-key|secret-token|callers/);
  });

  it('is not called while one of its header values is missing', async () => {
    const context = await answering();
    const { agent, endpoint } = context;
    edit(context, { headersFrom: [{ name: 'x-gateway', credential: file(agent, 'value') }] });
    const refused = await send(agent.url);
    expect(refused.status).toBe(503);
    expect(errorOf(refused).message).toContain('Secret gateway lacks value');
    const missing = (): unknown[] => agent.runtime.snapshot().missingCredentials;
    expect(missing()).toEqual([{ dependency: 'model/primary', secret: 'gateway', key: 'value' }]);
    await agent.mount('value', 'value\n');
    await until(async () => (await send(agent.url)).status === 200);
    expect(missing()).toEqual([]);
    expect(endpoint.seen[0]!.headers['x-gateway']).toBe('value');
  });

  it('that refuses the agent’s credentials is not called with them again', async () => {
    const { agent, endpoint, ...rest } = await setup(cleanups, (response) =>
      answerJson(response, { type: 'error', error: { type: 'authentication_error' } }, 401),
    );
    await agent.mount('value', 'one\n');
    const credential = file(agent, 'value');
    const headersFrom = [{ name: 'Authorization', prefix: 'Bearer ', credential }];
    edit({ agent, endpoint, ...rest }, { headersFrom });
    // Fewer refusals may be a chance.
    for (let sent = 0; sent < 5; sent += 1) {
      const { status } = await send(agent.url, { headers: { authorization: 'Bearer a' } });
      expect(status).toBe(401);
    }
    expect(endpoint.seen[0]!.headers.authorization).toBe('Bearer one');
    const second = await send(agent.url, { headers: { authorization: 'Bearer b' } });
    expect(second.headers['x-breakwater-reason']).toBe('CredentialRefused');
    expect(endpoint.seen).toHaveLength(5);
  });
});
