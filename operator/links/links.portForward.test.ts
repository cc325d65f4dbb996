import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Registry } from 'prom-client';
import { WebSocketServer } from 'ws';
import { systemClock } from '../kube/clock.ts';
import { ForwardedPort } from '../kube/portForward.ts';
import { type Authority, createAuthority, issueClientCertificate } from './authority.ts';
import { createDial } from './dial.ts';
import { Links } from './links.ts';
import { MemoryLogger } from '../testing/linksHarness.ts';
import {
  AGENT,
  configuration,
  hashOf,
  hello,
  review,
  snapshot,
  target,
} from '../testing/messages.ts';
import { PodServer } from '../testing/podServer.ts';

/** Waits for a condition that comes about by I/O; the test's own time limit ends it. */
async function until<T>(condition: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The end of the API server, as its protocol has it: the port on each channel, then bytes of the pod. */
function carry(server: Server, port: () => number, seen: string[]): void {
  const upgrades = new WebSocketServer({ server, handleProtocols: () => 'v4.channel.k8s.io' });
  upgrades.on('connection', (socket, { url, headers }) => {
    seen.push(`${url} ${headers.authorization}`);
    for (const channel of [0, 1]) socket.send(Buffer.from([channel, 0x24, 0xe3]));
    if (url!.includes('/absent/')) {
      socket.send(Buffer.from('\u0001connection refused'));
      return;
    }
    const pod = connect(port(), '127.0.0.1');
    pod.on('data', (bytes) => socket.send(Buffer.concat([Buffer.of(0), bytes])));
    pod.on('close', () => socket.close());
    pod.on('error', () => undefined);
    socket.on('message', (data: Buffer) => pod.write(data.subarray(1)));
    socket.on('close', () => pod.destroy());
  });
}

let authority: Authority;
let server: Server;
let pods: PodServer;
let seen: string[];
let lead: AbortController;
let logger: MemoryLogger;
let links: Links;

beforeEach(async () => {
  authority = await createAuthority();
  const shown = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
  pods = await PodServer.start(authority.certificate);
  server = createServer();
  seen = [];
  carry(server, () => pods.port, seen);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  lead = new AbortController();
  logger = new MemoryLogger();
  const cluster = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: 'default',
    credentials: () => Promise.resolve({ tls: {}, headers: { authorization: 'Bearer t' } }),
  };
  links = new Links({
    credentials: () => shown,
    reviewToken: review,
    clock: systemClock,
    random: () => 0.5,
    logger,
    registry: new Registry(),
    timing: { baseMs: 2, maxMs: 10 },
    dial: createDial((address) => new ForwardedPort(cluster, address)),
  });
  links.open(lead.signal, () => 1);
});

afterEach(async () => {
  lead.abort();
  await pods.stop();
  server.closeAllConnections();
  server.close();
});

describe('links through the API server', () => {
  it('push, report and reconnect, whatever the address of the pod', async () => {
    const pod = target(1, { port: 9443, ip: '203.0.113.1' });
    links.setTargets([pod]);
    for (const count of [1, 2]) {
      const link = await until(() => pods.connections.length === count && pods.connections.at(-1));
      link.say(hello(pod, { hash: hashOf('a') }));
      link.say(snapshot(hashOf('a')));
      await until(() => links.podReport(pod.uid)?.snapshot);
      const large = configuration('b');
      Object.assign(large.content, { filler: 'x'.repeat(900 * 1024) });
      links.setDesired(AGENT, large, 1);
      await until(() => link.received.length === 2);
      expect(link.received[1]).toMatchObject({ type: 'Configure' });
      link.cut();
      await until(() => links.podReport(pod.uid)?.connected === false);
    }
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/portforward?ports=9443`;
    expect(new Set(seen)).toEqual(new Set([`${path} Bearer t`]));
  });

  it('name the reason why a pod is unreachable', async () => {
    links.setTargets([target(1, { name: 'absent', ip: '203.0.113.1' })]);
    await until(() => logger.lines.some((line) => line.includes('Unreachable')));
    expect(logger.lines.join()).toContain('connection refused');
  });
});
