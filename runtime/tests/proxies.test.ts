import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { basicAuthorization } from '../network/proxies.ts';
import { send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { TestProxy } from '../testing/proxy.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { STREAMED } from '../testing/setup.ts';
import { answerStream } from '../testing/upstream.ts';
import {
  AUTHORIZATION,
  HOST,
  NetworkScene,
  ONCE,
  PASSWORD,
  asks,
  circuits,
  fine,
  lastFailure,
} from '../testing/networkScene.ts';

const scene = new NetworkScene();
const { trusting, throughProxy, secure, plain, start, cleanups } = scene;
beforeAll(() => scene.makeAuthorities());
beforeEach(() => scene.begin());
afterEach(() => scene.cleanups.run());

describe('an endpoint behind a proxy', () => {
  it('is reached through a tunnel, with the private authority and the credentials of the proxy', async () => {
    const endpoint = await secure(fine);
    const agent = await start(`https://${HOST}`, {
      ...(await trusting(scene.authority)),
      ...(await throughProxy()),
    });
    expect([await asks(agent), await asks(agent)]).toEqual([200, 200]);
    // The tunnel is kept.
    expect(scene.proxy.seen).toEqual([`CONNECT ${HOST}:443`]);
    expect(endpoint.seen).toHaveLength(2);
    expect(endpoint.seen[0]!.headers['proxy-authorization']).toBeUndefined();
    expect(agent.logs.join('')).toContain(`"https":"127.0.0.1:${scene.proxy.port}"`);
  });

  it('with http is reached by requests that the proxy forwards', async () => {
    const endpoint = await plain();
    scene.proxy.knows(`${HOST}:8080`, endpoint.url);
    const agent = await start(`http://${HOST}:8080/base`, await throughProxy());
    expect(await asks(agent)).toBe(200);
    expect(scene.proxy.seen).toEqual([`POST http://${HOST}:8080/base/v1/messages`]);
    expect(endpoint.seen[0]!.url).toBe('/base/v1/messages');
    expect(endpoint.seen[0]!.headers.host).toBe(`${HOST}:8080`);
    expect(endpoint.seen[0]!.headers['proxy-authorization']).toBeUndefined();
  });

  it('is reached through a proxy with TLS', async () => {
    await secure(fine);
    const safe = await new TestProxy(scene.server).start();
    cleanups.add(() => safe.stop());
    const endpoint = await secure(fine);
    safe.knows(`${HOST}:443`, endpoint.url);
    const agent = await start(`https://${HOST}`, {
      ...(await trusting(scene.authority)),
      proxy: { https: safe.url('localhost'), noProxy: [] },
    });
    expect(await asks(agent)).toBe(200);
    expect(safe.seen).toEqual([`CONNECT ${HOST}:443`]);
  });

  it('is not reached through a proxy whose own certificate is not trusted', async () => {
    const safe = await new TestProxy(await scene.other.issueFor('localhost')).start();
    cleanups.add(() => safe.stop());
    const agent = await start(`https://${HOST}`, {
      ...ONCE,
      ...(await trusting(scene.authority)),
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
    const safe = await new TestProxy(scene.server).start();
    cleanups.add(() => safe.stop());
    safe.knows(`${HOST}:80`, endpoint.url);
    const agent = await start(`http://${HOST}`, {
      ...(await trusting(scene.authority)),
      proxy: { http: safe.url('localhost'), noProxy: [] },
    });
    const { status, body } = await send(agent.url, STREAMED);
    expect([status, body.toString()]).toEqual([200, expect.stringContaining('message_stop')]);
    expect(safe.seen).toEqual([`POST http://${HOST}/v1/messages`]);
  });

  it('is reached through the proxy that the variables name, in small letters first', async () => {
    const endpoint = await secure(fine);
    const own = new URL(scene.proxy.url());
    [own.username, own.password] = ['agent', PASSWORD];
    scene.proxy.authorization = AUTHORIZATION;
    const agent = await start(`https://${HOST}`, await trusting(scene.authority), {
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

  it('is called directly if its address is private or it is a Service', async () => {
    const endpoint = await plain();
    const agent = await start(endpoint.url, await throughProxy());
    expect(await asks(agent)).toBe(200);
    expect(scene.proxy.seen).toEqual([]);
  });

  it('keeps its circuit when the proxies change, and is called through the new one', async () => {
    await secure(fine);
    const trusted = await trusting(scene.authority);
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
    expect(scene.proxy.seen).toEqual([`CONNECT ${HOST}:443`]);
  });
});

describe('a proxy that fails', () => {
  const behind = async (content: Parts<Content> = {}): Promise<StartedRuntime> => {
    await secure(fine);
    return start(`https://${HOST}`, {
      ...ONCE,
      ...(await trusting(scene.authority)),
      ...(await throughProxy()),
      ...content,
    });
  };

  it.each([502, 403])('with %i is a failure to connect that names it', async (status) => {
    const agent = await behind();
    scene.proxy.answer = status;
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${scene.proxy.port} answered ${status} to CONNECT`,
    ]);
  });

  it('by refusing the credentials opens the circuit too, and shows none of them', async () => {
    const agent = await behind();
    scene.proxy.authorization = basicAuthorization('agent', 'another');
    const answer = await send(agent.url);
    expect(answer.status).toBe(502);
    const [kind, message] = lastFailure(agent);
    expect([kind, message]).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${scene.proxy.port} refuses the credentials (407); see spec.proxy.credentialsSecretRef`,
    ]);
    const shown = await (await fetch(`${agent.debugUrl}/debug/config`)).text();
    expect(shown).toContain('"key": "password"');
    expect(shown).not.toContain(join(scene.directory, 'password'));
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

  it('by refusing the credentials of a request that it should forward opens the circuit too', async () => {
    const agent = await start(`http://${HOST}`, { ...ONCE, ...(await throughProxy()) });
    scene.proxy.authorization = basicAuthorization('agent', 'another');
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual(['Connection', expect.stringContaining('(407)')]);
  });

  it('by not answering ends within the time to connect', async () => {
    const timeouts = { connectMs: 200, requestMs: 20_000 };
    const agent = await behind({ timeouts });
    scene.proxy.answer = 'Silent';
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)[1]).toContain('did not connect within 200 ms');
  });

  it('by being away opens the circuit, and an endpoint that needs no proxy serves', async () => {
    const fallback = await plain();
    const circuit = { ...TOUCHY, dependency: 'model/primary' };
    await secure(fine);
    const agent = await start('', {
      ...(await trusting(scene.authority)),
      ...(await throughProxy()),
      endpoints: [
        { name: 'primary', provider: 'Anthropic', baseURL: `https://${HOST}` },
        { name: 'fallback', provider: 'Anthropic', baseURL: fallback.url, priority: 1 },
      ],
      retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 100, minPerSecond: 1 },
      circuits: [circuit],
    });
    const { port } = scene.proxy;
    await scene.proxy.stop();
    expect(await asks(agent)).toBe(200);
    expect(fallback.seen).toHaveLength(1);
    expect(circuits(agent)).toMatchObject({ 'model/primary': 'Open' });
    expect(lastFailure(agent)).toEqual([
      'Connection',
      `connection failed: the proxy 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
    ]);
    scene.proxy = await new TestProxy().start();
  });
});
