// @peculiar/x509 needs Reflect.getMetadata to be there before it is loaded.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { Registry } from 'prom-client';
import { KubeClient } from './client.ts';
import { ConnectionError } from './errors.ts';
import { ConfigMaps } from './resource.ts';
import { FakeClock } from './testing/fakeClock.ts';
import { Transport } from './transport.ts';

const AT_ONCE = 20;

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const name = 'CN=localhost';
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    signingAlgorithm,
    keys,
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { cert: cert.toString('pem'), key: key.toString() };
}

describe('calls over HTTP/2', () => {
  let server: Http2SecureServer;
  let sockets: Set<Socket>;
  let clock: FakeClock;
  let transport: Transport;
  let client: KubeClient;
  /** What becomes of a call. */
  let take: (stream: ServerHttp2Stream) => void;
  let arrived: () => void;

  const answer = (stream: ServerHttp2Stream): void => {
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify({ metadata: { name: 'a' } }));
  };

  beforeEach(async () => {
    const identity = await selfSigned();
    take = answer;
    arrived = () => undefined;
    sockets = new Set();
    server = createSecureServer(identity).listen(0, '127.0.0.1');
    server.on('secureConnection', (socket: Socket) => sockets.add(socket));
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      take(stream);
      arrived();
    });
    await once(server, 'listening');
    clock = new FakeClock();
    const { port } = server.address() as AddressInfo;
    const config = {
      server: `https://127.0.0.1:${port}`,
      namespace: 'default',
      credentials: () => Promise.resolve({ tls: { rejectUnauthorized: false }, headers: {} }),
    };
    transport = new Transport({ config, registry: new Registry(), clock });
    client = new KubeClient(transport);
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await transport.close();
  });

  const get = (): Promise<unknown> => client.get(ConfigMaps, 'ns', 'a', { deadlineMs: 500 });

  it('are under way together on few connections', async () => {
    await get();
    const open: (() => void)[] = [];
    const all = new Promise<void>((resolve) => {
      arrived = () => void (open.length === AT_ONCE && resolve());
    });
    take = (stream) => void open.push(() => answer(stream));
    const calls = Array.from({ length: AT_ONCE }, get);
    await all;
    expect(transport.connections).toBeLessThanOrEqual(7);
    for (const finish of open) finish();
    await Promise.all(calls);
  });

  it('leave a connection on which one got no answer', async () => {
    await get();
    const dead = new Set(sockets);
    const hung = new Promise<void>((resolve) => (arrived = resolve));
    take = () => undefined;
    const call = get().catch((error: unknown) => error);
    await hung;
    await clock.advance(501);
    expect(await call).toBeInstanceOf(ConnectionError);
    take = answer;
    await get();
    expect(sockets.size).toBe(dead.size + 1);
  });
});
