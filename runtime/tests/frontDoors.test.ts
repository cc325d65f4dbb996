/** What strangers can make of a pod's ports, each in a process with the heap of a default container. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { testAuthority } from '../testing/certificates.ts';
import { configuration } from '../testing/configuration.ts';
import { askLoop, loopFlags } from '../testing/loop.ts';
import { startProcess } from '../testing/process.ts';
import type { RuntimeProcess } from '../testing/process.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Pod extends RuntimeProcess {
  /** The longest that one turn of its loop took of the processor, in milliseconds. */
  longestHoldMs: () => Promise<number>;
  ports: { agent: number; metrics: number; debug: number; control: number };
}

async function pod(content: Partial<Content> = {}): Promise<Pod> {
  const directory = await mkdtemp(join(tmpdir(), 'doors-'));
  cleanups.add(() => rm(directory, { recursive: true, force: true }));
  const auth = { type: 'APIKeys' as const, apiKeys: { path: directory, secret: 'clients' } };
  const whole = configuration('http://127.0.0.1:9', { auth, ...content });
  await writeFile(join(directory, 'alice'), 'key-of-alice');
  await writeFile(join(directory, MOUNTS.authorityKey), (await testAuthority()).cert);
  await writeFile(join(directory, MOUNTS.tokenKey), 'token');
  await writeFile(join(directory, MOUNTS.configurationKey), JSON.stringify(whole));
  const flags = ['--max-old-space-size=256', ...loopFlags(directory)];
  const agent = await startProcess(directory, flags);
  cleanups.add(() => agent.stop());
  const ports = agent.lines().find(({ msg }) => msg === 'Runtime started')!.ports as Pod['ports'];
  await askLoop(directory, '/collect');
  const longestHoldMs = async (): Promise<number> => (await askLoop(directory)).longestHoldMs;
  return { ...agent, ports, longestHoldMs };
}

async function connection(port: number): Promise<Socket & { received: string }> {
  const socket = Object.assign(connect(port, '127.0.0.1'), { received: '' });
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    socket.received = (socket.received + chunk.toString('latin1')).slice(-1000);
  });
  cleanups.add(() => Promise.resolve(void socket.destroy()));
  await once(socket, 'connect').catch(() => undefined);
  return socket;
}

async function live(port: number): Promise<void> {
  const socket = await connection(port);
  socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await once(socket, 'close');
  expect(socket.received).toMatch(/^HTTP\/1.1 200 /);
}

const FLOODS: [what: string, port: 'agent' | 'metrics', head: string, bytes: number][] = [
  ['2 MiB of GET /v1/models without a key', 'agent', 'GET /v1/models', 2 * 1024 * 1024],
  ['2 MiB of GET /health', 'agent', 'GET /health', 2 * 1024 * 1024],
  ['256 KiB of GET /metrics', 'metrics', 'GET /metrics', 256 * 1024],
];

describe('requests that were sent without waiting for answers', () => {
  it.each(FLOODS)('hold no turn of the loop, and probes among them: %s', async (...flood) => {
    const [, port, head, bytes] = flood;
    const { ports, child, longestHoldMs } = await pod();
    const one = `${head} HTTP/1.1\r\nhost: a\r\n\r\n`;
    const socket = await connection(ports[port]);
    socket.write(one.repeat(bytes / one.length));
    // While they are served, and in turn with them.
    for (let i = 0; i < 20; i += 1) await live(ports.metrics);
    expect(await longestHoldMs()).toBeLessThan(250);
    expect([child.exitCode, child.signalCode, socket.destroyed]).toEqual([null, null, false]);
  });
});

describe('3,000 connections over which nothing comes', () => {
  it.each(['metrics', 'control'] as const)('are closed, the oldest first: %s', async (port) => {
    const { ports, longestHoldMs } = await pod();
    const first = await connection(ports[port]);
    const sockets: Socket[] = [];
    while (sockets.length < 3000) {
      sockets.push(
        ...(await Promise.all(Array.from({ length: 100 }, () => connection(ports[port])))),
      );
      if (sockets.length % 1000 === 0) await live(ports.metrics);
    }
    await until(() => first.closed, 10_000);
    await until(() => sockets.filter(({ closed }) => !closed).length <= 1000, 10_000);
    expect(sockets.at(-1)!.closed).toBe(false);
    expect(await longestHoldMs()).toBeLessThan(250);
  });
});
