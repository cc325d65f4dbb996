import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Turns } from './turns.ts';

/**
 * Connections to a port that serves no clients. It exceeds what the kernel hands over in one turn of the loop, so that the
 * request of a probe is read before its connection is the oldest.
 */
export const MAX_CONNECTIONS = 1000;

export interface ConnectionsOptions {
  max: number;
  /** What happens to a new connection while requests come over all others: the oldest gives way to it, or it is refused. */
  whenBusy: 'Evict' | 'Refuse';
}

/**
 * Bounds what strangers take of a server: each connection has one request at a time, and there are at most `max`
 * connections. Beyond it the one that has been idle longest is closed, so that a holder of many cannot starve others. Over TLS the
 * bound is on connections whose peer has shown no valid certificate.
 */
export class Connections {
  /** Replaces the bound. Open connections stay open. */
  max: number;
  readonly #whenBusy: ConnectionsOptions['whenBusy'];
  readonly #turns = new WeakMap<Socket, Turns>();
  readonly #trusted = new WeakSet<Socket>();
  /** Each in the order in which its connections came to it. */
  readonly #idle = new Set<Socket>();
  readonly #idleTrusted = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  constructor(server: Server, { max, whenBusy }: ConnectionsOptions) {
    this.max = max;
    this.#whenBusy = whenBusy;
    const tls = server instanceof TlsServer;
    server.on('connection', (socket: Socket) => this.#admit(socket));
    if (tls) followHandshakes(server, (socket) => this.#forget(socket));
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      if (!socket.destroyed) this.#turns.set(socket, new Turns(socket));
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      this.#begin(request, response);
    server.prependListener('request', onRequest);
    server.prependListener('checkExpectation', onRequest);
    server.prependListener('upgrade', ({ socket }: IncomingMessage) =>
      this.#turns.get(socket)?.release(),
    );
  }

  /** Number of connections that count. */
  get #size(): number {
    return this.#idle.size + this.#idleTrusted.size + this.#busy.size;
  }

  /** Gives way only when no other connection is idle: valid credentials came over it. */
  trust(socket: Socket): void {
    this.#trusted.add(socket);
  }

  #admit(socket: Socket): void {
    if (socket.destroyed) return;
    while (this.#size >= this.max) {
      if (this.#makeRoom()) continue;
      socket.destroy();
      return;
    }
    this.#idle.add(socket);
    socket.once('close', () => this.#forget(socket));
  }

  #makeRoom(): boolean {
    const busy = this.#whenBusy === 'Evict' ? oldest(this.#busy) : undefined;
    const evicted = oldest(this.#idle) ?? oldest(this.#idleTrusted) ?? busy;
    if (!evicted) return false;
    this.#forget(evicted);
    evicted.destroy();
    return true;
  }

  #forget(socket: Socket): void {
    this.#idle.delete(socket);
    this.#idleTrusted.delete(socket);
    this.#busy.delete(socket);
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const turns = this.#turns.get(socket);
    turns?.begin(request);
    const counts = this.#idle.delete(socket) || this.#idleTrusted.delete(socket);
    if (counts) this.#busy.add(socket);
    response.once('close', () => {
      turns?.end(request);
      if (!this.#busy.delete(socket)) return;
      if (socket.destroyed) return;
      (this.#trusted.has(socket) ? this.#idleTrusted : this.#idle).add(socket);
    });
  }
}

/** Bounds a server for probes, scrapes and people, whose requests are short. */
export function bounded<S extends Server>(server: S): S {
  void new Connections(server, { max: MAX_CONNECTIONS, whenBusy: 'Evict' });
  return server;
}

function oldest(sockets: Set<Socket>): Socket | undefined {
  return sockets.values().next().value;
}

/** Calls back with the connection below each TLS connection whose handshake succeeded. */
function followHandshakes(server: Server, onSecure: (socket: Socket) => void): void {
  const open = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket): string =>
    `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    open.set(name, socket);
    socket.once('close', () => open.delete(name));
  });
  server.on('secureConnection', (socket: Socket) => {
    const below = open.get(nameOf(socket));
    if (below) onSecure(below);
  });
}
