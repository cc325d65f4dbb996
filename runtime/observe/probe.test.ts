import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { Agent } from 'undici';
import { Cleanups } from '../testing/setup.ts';
import { fakeEndpoint } from '../testing/upstream.ts';
import { makeProbe } from './probe.ts';
import type { CheckSpec, ProbeFailure } from './probe.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const agent = new Agent({ pipelining: 0 });
afterAll(() => agent.destroy());
const probe = makeProbe(() => agent);

const FIGURES = { intervalMs: 1000, timeoutMs: 1000, failureThreshold: 1, critical: false };

function check(
  target: Pick<CheckSpec, 'http' | 'tcp'>,
  signal = new AbortController().signal,
): Promise<ProbeFailure | undefined> {
  return probe({ name: 'it', ...FIGURES, ...target }, signal);
}

/** A server that takes connections and says nothing; the answer has its port and what came. */
async function silent(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

describe('a check over HTTP', () => {
  it.each([
    [200, undefined],
    [204, undefined],
    [302, undefined],
    [404, 'BadStatus'],
    [500, 'BadStatus'],
  ])('of an answer with the status %s is %s', async (status, result) => {
    const endpoint = await fakeEndpoint((response) => {
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    cleanups.add(() => endpoint.close());
    expect(await check({ http: { url: `${endpoint.url}/healthz` } })).toBe(result);
    expect(endpoint.seen).toHaveLength(1);
  });

  it('does not wait for the body', async () => {
    const endpoint = await fakeEndpoint((response) => void response.writeHead(200).write('on and'));
    cleanups.add(() => endpoint.close());
    expect(await check({ http: { url: endpoint.url } })).toBeUndefined();
  });

  it('ends at its deadline without an answer', async () => {
    const { server, port } = await silent();
    cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
    const deadline = new AbortController();
    server.once('connection', () => deadline.abort());
    expect(await check({ http: { url: `http://127.0.0.1:${port}` } }, deadline.signal)).toBe(
      'Timeout',
    );
  });
});

describe('a check over TCP', () => {
  it('passes as soon as it has a connection, and closes it', async () => {
    const { server, port } = await silent();
    const closed = new Promise<void>((resolve) => {
      server.once('connection', (socket) => socket.once('close', () => resolve()).resume());
    });
    expect(await check({ tcp: { host: '127.0.0.1', port } })).toBeUndefined();
    await closed;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await check({ tcp: { host: '127.0.0.1', port } })).toBe('Connection');
    expect(await check({ http: { url: `http://127.0.0.1:${port}` } })).toBe('Connection');
  });
});
