// @peculiar/x509 needs Reflect.getMetadata when it is loaded.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Command } from '../../contract/generated/types.ts';
import { LINK_PATH, LINK_PROTOCOL, OPERATOR_COMMON_NAME } from '../../contract/link.ts';

/** A link as a pod sees it. */
export interface PodConnection {
  /** Address that the operator dialled. */
  address: string;
  received: Command[];
  closed: boolean;
  say(message: unknown): void;
  sayText(text: string): void;
  ping(): void;
  pong(): void;
  /** Sends a part of a message that never ends. */
  sayPart(text: string): void;
  /** Destroys the connection without a close message. */
  cut(): void;
}

/**
 * The control ports of many pods. One server on all loopback addresses tells pods apart by the address that a client
 * dials. Like the runtime, it has a self-signed certificate and accepts only clients with the operator's certificate.
 */
export class PodServer {
  readonly connections: PodConnection[] = [];
  /** Replaces the authority for new connections. */
  readonly setAuthority: (pem: string) => void;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server, protocol: string, setAuthority: (pem: string) => void) {
    this.#server = server;
    this.setAuthority = setAuthority;
    const upgrades = new WebSocketServer({
      server,
      path: LINK_PATH,
      perMessageDeflate: false,
      handleProtocols: (protocols) => (protocols.has(protocol) ? protocol : false),
      verifyClient: (
        { req }: { req: IncomingMessage },
        done: (ok: boolean, code?: number) => void,
      ) => {
        const { subject } = (req.socket as TLSSocket).getPeerCertificate();
        const offered = req.headers['sec-websocket-protocol']?.split(/, */) ?? [];
        if (subject.CN !== OPERATOR_COMMON_NAME) done(false);
        else done(offered.includes(protocol), 400);
      },
    });
    upgrades.on('connection', (socket, request) => {
      this.connections.push(connection(socket, request.socket.localAddress ?? ''));
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', () => undefined);
  }

  /** @param authority certificate that must have issued those of clients, PEM */
  static async start(
    authority: string,
    {
      port = 0,
      host = '0.0.0.0',
      protocol = LINK_PROTOCOL,
    }: { port?: number; host?: string; protocol?: string } = {},
  ): Promise<PodServer> {
    const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=pod',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    });
    const identity = {
      cert: certificate.toString('pem'),
      key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }),
    };
    const options = (ca: string): ServerOptions => ({
      ...identity,
      ...{ ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
    });
    const server = createServer(options(authority));
    const pods = new PodServer(server, protocol, (ca) => server.setSecureContext(options(ca)));
    // All pods share one queue of connections here. Real pods have one each.
    server.listen({ port, host, backlog: 4_096 });
    await once(server, 'listening');
    return pods;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  linkTo(address: string | undefined): PodConnection | undefined {
    return this.connections.findLast((each) => each.address === address);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function connection(socket: WebSocket, address: string): PodConnection {
  const received: Command[] = [];
  const result: PodConnection = {
    address,
    received,
    closed: false,
    say: (message) => socket.send(JSON.stringify(message)),
    sayText: (text) => socket.send(text),
    ping: () => socket.ping(),
    pong: () => socket.pong(),
    sayPart: (text) => socket.send(text, { fin: false }),
    cut: () => socket.terminate(),
  };
  socket.on('message', (data: Buffer) => received.push(JSON.parse(data.toString()) as Command));
  socket.on('error', () => undefined);
  socket.on('close', () => (result.closed = true));
  return result;
}
