import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { basicAuthorization } from '../network/proxies.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import {
  CONVERSATION,
  beginConversation,
  conversationsIn,
  said,
  say,
} from '../testing/conversation.ts';
import { RealMcpServer } from '../testing/mcpServer.ts';
import { RealRedis } from '../testing/redis.ts';
import { until } from '../testing/until.ts';
import { answerJson, answerStream } from '../testing/upstream.ts';
import { HOST, NetworkScene, ONCE, asks, fine, untilAnswered } from '../testing/networkScene.ts';

const scene = new NetworkScene();
const { trusting, secret, throughProxy, secure, plain, start, cleanups } = scene;
beforeAll(() => scene.makeAuthorities());
beforeEach(() => scene.begin());
afterEach(() => scene.cleanups.run());

describe('every other connection uses the settings of the network:', () => {
  const network = async (): Promise<Pick<Content, 'proxy' | 'trustedCA'>> => ({
    ...(await trusting(scene.authority)),
    ...(await throughProxy()),
  });

  /** Has the model use a tool. */
  const turn = async (use: string, content: Parts<Content>): Promise<Answer> => {
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
    expect([tool.seen.map(({ url }) => url), scene.proxy.seen]).toEqual([
      ['/now'],
      ['CONNECT weather.example.com:443'],
    ]);
  });

  it('MCP servers', async () => {
    const real = new RealMcpServer();
    real.offer('count');
    const front = createServer(await scene.authority.issueFor('stock.example.com'), (...both) => {
      void real.serve(...both);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.add(async () => {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    });
    const { port } = front.address() as AddressInfo;
    scene.proxy.knows('stock.example.com:443', `https://127.0.0.1:${port}`);
    const server = { name: 'stock', url: 'https://stock.example.com/mcp', headersFrom: [] };
    const answer = await turn('stock__count', {
      mcpServers: [{ ...server, maxResponseBytes: 1000 }],
    });
    expect([answer.status, real.called]).toEqual([200, ['count']]);
    expect(new Set(scene.proxy.seen)).toEqual(new Set(['CONNECT stock.example.com:443']));
  });

  it('the collectors of the audit and of traces and the keys of issuers', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] };
    const audit = await secure((response) => void response.end(), 'siem.example.com');
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
          otlp: {
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
    await until(() => audit.seen.length > 0 && collector.seen.length > 0);
    expect(issuer.seen.map(({ url }) => url)).toEqual(['/keys']);
    expect(collector.seen[0]!.url).toBe('/v1/traces');
    expect(new Set(scene.proxy.seen)).toEqual(
      new Set(['siem', 'otel', 'sso'].map((name) => `CONNECT ${name}.example.com:443`)),
    );
  });

  it('a collector over http', async () => {
    const collector = await plain((response) => void response.end('{}'));
    scene.proxy.knows('otel.example.com:4318', collector.url);
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
    await until(() => collector.seen.length > 0);
    expect(scene.proxy.seen[0]).toBe('POST http://otel.example.com:4318/v1/traces');
  });

  it('Redis with TLS by the authorities, and never through a proxy', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const front = createTlsServer(scene.server, (socket) => {
      const far = connect(redis.port, '127.0.0.1');
      far.pipe(socket).pipe(far);
      for (const each of [far, socket]) each.on('error', () => far.destroy());
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    cleanups.add(() => Promise.resolve(void front.close()));
    const model = await plain();
    const url = `rediss://localhost:${(front.address() as AddressInfo).port}`;
    const trusted = await network();
    await trusting(scene.other);
    const agent = await start(model.url, {
      ...trusted,
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: model.url, model: 'm' }],
      ...conversationsIn({ url }),
      timeouts: { connectMs: 500, requestMs: 20_000 },
    });
    await expect(beginConversation(agent.url)).rejects.toThrow('503');
    await trusting(scene.authority);
    await until(() => beginConversation(agent.url).then(Boolean, () => false));
    expect(await redis.keys()).toHaveLength(1);
    expect(scene.proxy.seen).toEqual([]);
  });

  it('all of them with a new password of the proxy as soon as it is mounted', async () => {
    await secure(fine);
    const agent = await start(`https://${HOST}`, { ...ONCE, ...(await network()) });
    expect(await asks(agent)).toBe(200);
    scene.proxy.authorization = basicAuthorization('agent', 'renewed');
    await secret('password', 'renewed');
    await until(async () => {
      await asks(agent);
      return scene.proxy.seen.length > 1;
    }, 10_000);
    await untilAnswered(agent, 200);
    await rm(join(scene.directory, 'password'));
    await until(() => agent.runtime.snapshot().missingCredentials.length > 0);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'the proxy', secret: 'mine', key: 'password' },
    ]);
  });
});
