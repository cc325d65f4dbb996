import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Earlier } from '../control/upgrade.ts';
import { basicAuthorization } from '../network/proxies.ts';
import { tracingEnvironment } from '../observe/tracingSettings.ts';
import { testAuthority } from '../testing/certificates.ts';
import type { Pair, TestAuthority } from '../testing/certificates.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import { RealRedis } from '../testing/redis.ts';
import { TestProxy } from '../testing/proxy.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint } from '../testing/upstream.ts';

const PASSWORD = 'open-sesame';
const AUTHORIZATION = basicAuthorization('agent', PASSWORD);
const HOST = 'model.example.com';

let authority: TestAuthority;
let other: TestAuthority;
let server: Pair;
beforeAll(async () => {
  authority = await testAuthority('corporate');
  other = await testAuthority('another');
  server = await authority.issueFor(HOST, 'localhost');
});

const cleanups = new Cleanups();
let directory: string;
let proxy: TestProxy;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'network-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  proxy = await new TestProxy().start();
  cleanups.add(() => proxy.stop());
});
afterEach(() => cleanups.run());

/** Puts a file where the kubelet would, whole. */
async function mount(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
  return path;
}

/** The authorities that an agent trusts. */
async function trusting(...trusted: TestAuthority[]): Promise<Pick<Content, 'trustedCA'>> {
  const path = await mount('ca.crt', trusted.map(({ cert }) => cert).join('\n'));
  return { trustedCA: { path, configMap: 'corporate-ca', key: 'ca.crt' } };
}

/** A value of a Secret. */
async function secret(key: string, value: string): Promise<NonNullable<Endpoint['credential']>> {
  return { path: await mount(key, value), secret: 'mine', key };
}

async function clientCertificate({ cert, key }: Pair): Promise<Endpoint['clientCertificate']> {
  return { certificate: await secret('tls.crt', cert), key: await secret('tls.key', key) };
}

/** All that is called goes through the proxy, which asks for the password. */
async function throughProxy(noProxy: string[] = []): Promise<Pick<Content, 'proxy'>> {
  proxy.authorization = AUTHORIZATION;
  const url = proxy.url();
  const credentials = {
    username: await secret('username', 'agent'),
    password: await secret('password', PASSWORD),
  };
  return { proxy: { http: url, https: url, noProxy, credentials } };
}

/** A server with a certificate of the authority, which the proxy knows by a host. */
async function secure(
  answer: Parameters<typeof fakeEndpoint>[0],
  host = HOST,
  tls: TlsOptions = {},
): Promise<FakeEndpoint> {
  const pair = host === HOST ? server : await authority.issueFor(host);
  const endpoint = await fakeEndpoint(answer, { ...pair, ...tls });
  cleanups.add(() => endpoint.close());
  proxy.knows(`${host}:443`, endpoint.url);
  return endpoint;
}

const fine: Parameters<typeof fakeEndpoint>[0] = (response) => answerJson(response, MESSAGE);

async function plain(answer = fine): Promise<FakeEndpoint> {
  const endpoint = await fakeEndpoint(answer);
  cleanups.add(() => endpoint.close());
  return endpoint;
}

async function start(
  baseURL: string,
  content: Earlier<Content>,
  options: Parameters<typeof startRuntime>[2] = {},
): Promise<StartedRuntime> {
  const agent = await startRuntime(configuration(baseURL, content), undefined, options);
  cleanups.add(() => agent.stop());
  return agent;
}

const ONCE: Pick<Content, 'retry'> = {
  retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 100, minPerSecond: 1 },
};

const PATIENT = { ...TOUCHY, trip: { consecutiveFailures: 100_000 } };

/** Class and message of the failure that the circuit of the endpoint saw last. */
function lastFailure(agent: StartedRuntime): [kind?: string, message?: string] {
  const failure = agent.runtime.guard.circuits()[0]?.lastFailure;
  return [failure?.class, failure?.message];
}

const circuits = (agent: StartedRuntime): Record<string, string> =>
  Object.fromEntries(agent.runtime.guard.circuits().map((each) => [each.dependency, each.state]));

const asks = async (agent: StartedRuntime): Promise<number> => (await send(agent.url)).status;

/** Answers once the agent answers so. */
async function untilAnswered(agent: StartedRuntime, status: number): Promise<void> {
  await until(async () => (await asks(agent)) === status, 10_000);
}

describe('an endpoint behind a proxy', () => {
  it('is reached through a tunnel, with the private authority and the credentials of the proxy', async () => {
    const endpoint = await secure(fine);
    const agent = await start(`https://${HOST}`, {
      ...(await trusting(authority)),
      ...(await throughProxy()),
    });
    expect([await asks(agent), await asks(agent)]).toEqual([200, 200]);
    // The tunnel is kept.
    expect(proxy.seen).toEqual([`CONNECT ${HOST}:443`]);
    expect(endpoint.seen).toHaveLength(2);
    expect(endpoint.seen[0]!.headers['proxy-authorization']).toBeUndefined();
    expect(agent.logs.join('')).toContain(`"https":"127.0.0.1:${proxy.port}"`);
  });

  it('with http is reached by requests that the proxy forwards', async () => {
    const endpoint = await plain();
    proxy.knows(`${HOST}:8080`, endpoint.url);
    const agent = await start(`http://${HOST}:8080/base`, await throughProxy());
    expect(await asks(agent)).toBe(200);
    expect(proxy.seen).toEqual([`POST http://${HOST}:8080/base/v1/messages`]);
    expect(endpoint.seen[0]!.url).toBe('/base/v1/messages');
    expect(endpoint.seen[0]!.headers.host).toBe(`${HOST}:8080`);
    expect(endpoint.seen[0]!.headers['proxy-authorization']).toBeUndefined();
  });

  it('is reached through a proxy with TLS', async () => {
    await secure(fine);
    const safe = await new TestProxy(server).start();
    cleanups.add(() => safe.stop());
    const endpoint = await secure(fine);
    safe.knows(`${HOST}:443`, endpoint.url);
    const agent = await start(`https://${HOST}`, {
      ...(await trusting(authority)),
      proxy: { https: safe.url('localhost'), noProxy: [] },
    });
    expect(await asks(agent)).toBe(200);
    expect(safe.seen).toEqual([`CONNECT ${HOST}:443`]);
  });

  it('is not reached through a proxy whose own certificate is not trusted', async () => {
    const safe = await new TestProxy(await other.issueFor('localhost')).start();
    cleanups.add(() => safe.stop());
    const agent = await start(`https://${HOST}`, {
      ...ONCE,
      ...(await trusting(authority)),
      proxy: { https: safe.url('localhost'), noProxy: [] },
    });
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)[1]).toMatch(
      /^connection failed: the proxy localhost:\d+ cannot be reached \([A-Z_]+\): no trusted authority/,
    );
    expect(safe.seen).toEqual([]);
  });

  it('streams through a proxy that forwards, over TLS too', async () => {
    const endpoint = await plain((response) => answerStream(response));
    const safe = await new TestProxy(server).start();
    cleanups.add(() => safe.stop());
    safe.knows(`${HOST}:80`, endpoint.url);
    const agent = await start(`http://${HOST}`, {
      ...(await trusting(authority)),
      proxy: { http: safe.url('localhost'), noProxy: [] },
    });
    const { status, body } = await send(agent.url, STREAMED);
    expect([status, body.toString()]).toEqual([200, expect.stringContaining('message_stop')]);
    expect(safe.seen).toEqual([`POST http://${HOST}/v1/messages`]);
  });

  it('is reached through the proxy that the variables name, in small letters first', async () => {
    const endpoint = await secure(fine);
    const own = new URL(proxy.url());
    [own.username, own.password] = ['agent', PASSWORD];
    proxy.authorization = AUTHORIZATION;
    const agent = await start(`https://${HOST}`, await trusting(authority), {
      env: { https_proxy: own.href, HTTPS_PROXY: 'http://nowhere.example.com', NO_PROXY: '.corp' },
    });
    expect(await asks(agent)).toBe(200);
    expect(endpoint.seen).toHaveLength(1);
    expect(agent.logs.join('')).not.toContain(PASSWORD);
  });

  it.each<[string, Pick<Content, 'proxy'> | undefined, Record<string, string>]>([
    ['spec.proxy', { proxy: { http: 'http://proxy.invalid', noProxy: ['invalid:80'] } }, {}],
    ['NO_PROXY', undefined, { HTTP_PROXY: 'http://proxy.invalid', NO_PROXY: 'x, .invalid' }],
  ])('is called directly as an exception of %s', async (_, content, env) => {
    // Neither name exists. The failure tells which of them was looked up.
    const agent = await start('http://model.invalid', { ...ONCE, ...content }, { env });
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)[1]).not.toContain('proxy');
  });

  it('is called directly where its address is private or it is a Service', async () => {
    const endpoint = await plain();
    const agent = await start(endpoint.url, await throughProxy());
    expect(await asks(agent)).toBe(200);
    expect(proxy.seen).toEqual([]);
  });

  it('keeps its circuit when the proxies change, and goes through the new one', async () => {
    await secure(fine);
    const trusted = await trusting(authority);
    const agent = await start(`https://${HOST}`, { ...trusted, circuits: [TOUCHY], ...ONCE });
    expect(await asks(agent)).toBe(502);
    expect(circuits(agent)).toEqual({ 'model/primary': 'Open' });
    const proxied = { ...trusted, ...ONCE, ...(await throughProxy()) };
    const next = { term: 1, counter: 2 };
    agent.runtime.configuration.offerPush(
      1,
      configuration(`https://${HOST}`, { ...proxied, circuits: [TOUCHY] }, next),
    );
    expect(circuits(agent)).toEqual({ 'model/primary': 'Open' });
    agent.runtime.configuration.offerPush(
      1,
      configuration(
        `https://${HOST}`,
        { ...proxied, circuits: [{ ...TOUCHY, resetToken: '1' }] },
        { term: 1, counter: 3 },
      ),
    );
    agent.runtime.configuration.offerPush(
      1,
      configuration(
        `https://${HOST}`,
        { ...proxied, circuits: [{ ...TOUCHY, resetToken: '2' }] },
        { term: 1, counter: 4 },
      ),
    );
    expect(await asks(agent)).toBe(200);
    expect(proxy.seen).toEqual([`CONNECT ${HOST}:443`]);
  });
});

describe('a proxy that fails', () => {
  const behind = async (content: Earlier<Content> = {}): Promise<StartedRuntime> => {
    await secure(fine);
    return start(`https://${HOST}`, {
      ...ONCE,
      ...(await trusting(authority)),
      ...(await throughProxy()),
      ...content,
    });
  };

  it.each([502, 403])('with %i is a failure to connect that names it', async (status) => {
    const agent = await behind();
    proxy.answer = status;
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${proxy.port} answered ${status} to CONNECT`,
    ]);
  });

  it('by refusing the credentials is one too, and shows none of them', async () => {
    const agent = await behind();
    proxy.authorization = basicAuthorization('agent', 'another');
    const answer = await send(agent.url);
    expect(answer.status).toBe(502);
    const [kind, message] = lastFailure(agent);
    expect([kind, message]).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${proxy.port} refuses the credentials (407); see spec.proxy.credentialsSecretRef`,
    ]);
    const shown = await (await fetch(`${agent.debugUrl}/debug/config`)).text();
    expect(shown).toContain('"key": "password"');
    expect(shown).not.toContain(join(directory, 'password'));
    const told = [
      agent.logs.join(''),
      answer.body.toString(),
      JSON.stringify(agent.runtime.snapshot()),
    ];
    for (const text of told) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toContain(AUTHORIZATION.slice('Basic '.length));
    }
  });

  it('by refusing the credentials of a request that it should forward is one too', async () => {
    const agent = await start(`http://${HOST}`, { ...ONCE, ...(await throughProxy()) });
    proxy.authorization = basicAuthorization('agent', 'another');
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual(['Connection', expect.stringContaining('(407)')]);
  });

  it('by not answering ends within the time to connect', async () => {
    const timeouts = { connectMs: 200, requestMs: 20_000 };
    const agent = await behind({ timeouts });
    proxy.answer = 'Silent';
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)[1]).toContain('did not connect within 200 ms');
  });

  it('by being away opens the circuit, and an endpoint that needs no proxy serves', async () => {
    const fallback = await plain();
    const circuit = { ...TOUCHY, dependency: 'model/primary' };
    await secure(fine);
    const agent = await start('', {
      ...(await trusting(authority)),
      ...(await throughProxy()),
      endpoints: [
        { name: 'primary', provider: 'Anthropic', baseURL: `https://${HOST}` },
        { name: 'fallback', provider: 'Anthropic', baseURL: fallback.url, priority: 1 },
      ],
      retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 100, minPerSecond: 1 },
      circuits: [circuit],
    });
    const { port } = proxy;
    await proxy.stop();
    expect(await asks(agent)).toBe(200);
    expect(fallback.seen).toHaveLength(1);
    expect(circuits(agent)).toMatchObject({ 'model/primary': 'Open' });
    expect(lastFailure(agent)).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
    ]);
    proxy = await new TestProxy().start();
  });
});

describe('private authorities', () => {
  it('are added to those of the system', async () => {
    const system = getCACertificates('default');
    setDefaultCACertificates([...system, authority.cert]);
    try {
      const endpoint = await secure(fine);
      const local = `https://localhost:${new URL(endpoint.url).port}`;
      const agent = await start(local, await trusting(other));
      expect(await asks(agent)).toBe(200);
    } finally {
      setDefaultCACertificates(system);
    }
  });

  it('other than the one of the certificate are refused with what to configure, until the right one is mounted', async () => {
    const endpoint = await secure(fine);
    const trusted = await trusting(other);
    const local = `https://localhost:${new URL(endpoint.url).port}`;
    const agent = await start(local, { ...ONCE, ...trusted, circuits: [PATIENT] });
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      expect.stringMatching(
        /^connection failed \([A-Z_]+\): no trusted authority has issued the certificate; add its authority to spec.trustedCA$/,
      ),
    ]);
    expect(endpoint.seen).toHaveLength(0);
    await trusting(authority);
    await untilAnswered(agent, 200);
    // The old one is trusted no longer, also by connections that were kept.
    await trusting(other);
    await untilAnswered(agent, 502);
  });

  it('that are missing or malformed are reported, and those read last stay', async () => {
    const endpoint = await secure(fine);
    const trusted = await trusting(authority);
    const local = `https://localhost:${new URL(endpoint.url).port}`;
    const agent = await start(local, { ...ONCE, ...trusted });
    expect(agent.runtime.snapshot().missingConfigMaps).toEqual([]);
    await mount('ca.crt', 'no certificate');
    await until(() => agent.runtime.snapshot().missingConfigMaps!.length > 0, 5000);
    expect(agent.runtime.snapshot().missingConfigMaps).toEqual([
      { configMap: 'corporate-ca', key: 'ca.crt' },
    ]);
    expect(await asks(agent)).toBe(200);
  });
});

describe('an endpoint that wants a client certificate', () => {
  const strict = (): TlsOptions => ({
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });

  const agentWith = async (
    own: Partial<Endpoint>,
    content: Earlier<Content> = {},
  ): Promise<StartedRuntime> =>
    start('', {
      ...ONCE,
      ...(await trusting(authority)),
      ...(await throughProxy()),
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: `https://${HOST}`, ...own }],
      ...content,
    });

  it('gets it through the proxy, and the next one when it was renewed', async () => {
    const names: string[] = [];
    await secure(
      (response) => {
        const { subject } = (response.socket as unknown as PeerSocket).getPeerCertificate();
        names.push(subject.CN);
        answerJson(response, MESSAGE);
      },
      HOST,
      strict(),
    );
    const pair = await clientCertificate(await authority.issue('first'));
    const agent = await agentWith({ clientCertificate: pair });
    expect(await asks(agent)).toBe(200);
    await clientCertificate(await authority.issue('second'));
    await until(async () => (await asks(agent)) === 200 && names.includes('second'), 10_000);
    expect(names[0]).toBe('first');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('says so when it gets none: %s', async (maxVersion) => {
    await secure(fine, HOST, { ...strict(), maxVersion });
    const agent = await agentWith({});
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      expect.stringContaining('see tls.clientCertSecretRef of the endpoint'),
    ]);
  });

  it('is not reached with one of another authority', async () => {
    const endpoint = await secure(fine, HOST, strict());
    const pair = await clientCertificate(await other.issue('first'));
    const agent = await agentWith({ clientCertificate: pair });
    expect(await asks(agent)).toBe(502);
    expect([lastFailure(agent)[0], endpoint.seen.length]).toEqual(['Connection', 0]);
  });

  it('is passed over and reported while the Secret lacks it, or its key fits not', async () => {
    const endpoint = await secure(fine, HOST, strict());
    const { cert } = await authority.issue('first');
    const { key } = await authority.issue('second');
    const agent = await agentWith({ clientCertificate: await clientCertificate({ cert, key }) });
    const answer = await send(agent.url);
    expect([answer.status, answer.body.toString()]).toEqual([
      503,
      expect.stringContaining('Secret mine lacks tls.crt'),
    ]);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'model/primary', secret: 'mine', key: 'tls.crt' },
    ]);
    expect([endpoint.seen.length, circuits(agent)]).toEqual([0, { 'model/primary': 'Closed' }]);
    await clientCertificate(await authority.issue('third'));
    await untilAnswered(agent, 200);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([]);
  });
});

interface PeerSocket {
  getPeerCertificate(): { subject: { CN: string } };
}

describe('everything else that the runtime calls goes the same way', () => {
  const network = async (): Promise<Pick<Content, 'proxy' | 'trustedCA'>> => ({
    ...(await trusting(authority)),
    ...(await throughProxy()),
  });

  /** Has the model use a tool. */
  const turn = async (use: string, content: Earlier<Content>): Promise<Answer> => {
    const model = await plain((response, { body }) => {
      const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
      const tools = [{ id: 'use', name: use, input: {} }];
      answerStream(response, said(messages.length > 1 ? { text: 'Done.' } : { tools }));
    });
    const agent = await start(model.url, {
      endpoints: [
        { name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'claude-test' },
      ],
      conversation: CONVERSATION,
      ...(await network()),
      ...content,
    });
    return say(agent.url, await beginConversation(agent.url), 'Go.');
  };

  it('tools', async () => {
    const tool = await secure((response) => void response.end('It rains.'), 'weather.example.com');
    const http = { url: 'https://weather.example.com/now', method: 'GET', headers: [] };
    const answer = await turn('weather', {
      tools: [
        {
          ...{ name: 'weather', description: 'Tells the weather.', inputSchema: {} },
          http: { ...http, headersFrom: [], maxResponseBytes: 1000 },
        },
      ],
    });
    expect(answer.status).toBe(200);
    expect([tool.seen.map(({ url }) => url), proxy.seen]).toEqual([
      ['/now'],
      ['CONNECT weather.example.com:443'],
    ]);
  });

  it('MCP servers', async () => {
    const real = new RealMcpServer();
    real.offer('count');
    const front = createServer(await authority.issueFor('stock.example.com'), (...both) => {
      void real.serve(...both);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.add(async () => {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    });
    const { port } = front.address() as AddressInfo;
    proxy.knows('stock.example.com:443', `https://127.0.0.1:${port}`);
    const server = { name: 'stock', url: 'https://stock.example.com/mcp', headersFrom: [] };
    const answer = await turn('stock__count', {
      mcpServers: [{ ...server, maxResponseBytes: 1000 }],
    });
    expect([answer.status, real.called]).toEqual([200, ['count']]);
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT stock.example.com:443']));
  });

  it('the webhook of the audit, the collector of traces and the keys of issuers', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] };
    const webhook = await secure((response) => void response.end(), 'siem.example.com');
    const collector = await secure((response) => void response.end('{}'), 'otel.example.com');
    const issuer = await secure((response) => answerJson(response, keys), 'sso.example.com');
    const model = await plain();
    const agent = await start(
      model.url,
      {
        ...(await network()),
        auth: {
          type: 'JWT',
          jwt: { issuer: 'sso', audiences: ['agent'], jwksURL: 'https://sso.example.com/keys' },
        },
        audit: {
          ...{ stdout: false, memoryEvents: 10, bufferBytes: 65_536, argumentsOf: [] },
          ...{ authenticationIntervalMs: 0, required: false },
          webhook: {
            ...{ url: 'https://siem.example.com/events', headersFrom: [] },
            ...{ timeoutMs: 2000, queueBytes: 65_536 },
          },
        },
        telemetry: {
          logging: { successRatio: 0, levels: {} },
          tracing: {
            ...{ endpoint: 'https://otel.example.com', headersFrom: [], ratio: 1 },
            ...{ parentBased: false, content: 'None' },
          },
        },
      },
      { tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }) },
    );
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer('sso')
      .setAudience('agent')
      .setSubject('ann')
      .setExpirationTime('5m')
      .sign(privateKey);
    await agent.runtime.tracing.settled();
    const { status } = await send(agent.url, { headers: { authorization: `Bearer ${token}` } });
    expect(status).toBe(200);
    await until(() => webhook.seen.length > 0 && collector.seen.length > 0, 10_000);
    expect(issuer.seen.map(({ url }) => url)).toEqual(['/keys']);
    expect(collector.seen[0]!.url).toBe('/v1/traces');
    expect(new Set(proxy.seen)).toEqual(
      new Set(['siem', 'otel', 'sso'].map((name) => `CONNECT ${name}.example.com:443`)),
    );
  });

  it('a collector with http', async () => {
    const collector = await plain((response) => void response.end('{}'));
    proxy.knows('otel.example.com:4318', collector.url);
    const model = await plain();
    const agent = await start(
      model.url,
      {
        ...(await network()),
        telemetry: {
          logging: { successRatio: 0, levels: {} },
          tracing: {
            ...{ endpoint: 'http://otel.example.com:4318', headersFrom: [], ratio: 1 },
            ...{ parentBased: false, content: 'None' },
          },
        },
      },
      { tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }) },
    );
    await agent.runtime.tracing.settled();
    expect(await asks(agent)).toBe(200);
    await until(() => collector.seen.length > 0, 10_000);
    expect(proxy.seen[0]).toBe('POST http://otel.example.com:4318/v1/traces');
  });

  it('Redis with TLS by the authorities, and never through a proxy', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const front = createTlsServer(server, (socket) => {
      const far = connect(redis.port, '127.0.0.1');
      far.pipe(socket).pipe(far);
      for (const each of [far, socket]) each.on('error', () => far.destroy());
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.add(() => Promise.resolve(void front.close()));
    const model = await plain();
    const url = `rediss://localhost:${(front.address() as AddressInfo).port}`;
    const trusted = await network();
    await trusting(other);
    const agent = await start(model.url, {
      ...trusted,
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      conversation: { ...CONVERSATION, redis: { url } },
      timeouts: { connectMs: 500, requestMs: 20_000 },
    });
    await expect(beginConversation(agent.url)).rejects.toThrow('503');
    await trusting(authority);
    await until(() => beginConversation(agent.url).then(Boolean, () => false), 10_000);
    expect(await redis.keys()).toHaveLength(1);
    expect(proxy.seen).toEqual([]);
  });

  it('with a new password of the proxy as soon as it is mounted', async () => {
    await secure(fine);
    const agent = await start(`https://${HOST}`, { ...ONCE, ...(await network()) });
    expect(await asks(agent)).toBe(200);
    proxy.authorization = basicAuthorization('agent', 'renewed');
    await secret('password', 'renewed');
    await until(async () => {
      await asks(agent);
      return proxy.seen.length > 1;
    }, 10_000);
    await untilAnswered(agent, 200);
    await rm(join(directory, 'password'));
    await until(() => agent.runtime.snapshot().missingCredentials.length > 0, 5000);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'the proxy', secret: 'mine', key: 'password' },
    ]);
  });
});
