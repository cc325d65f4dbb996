import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Content } from '../../contract/generated/types.ts';

type Bounds = Pick<Content['intake'], 'maxConnections' | 'maxConnectionsPerAddress'>;

/** Bounds the connections of a server: in all, and of each address that has shown no credentials. */
export class Connections {
  readonly #server: Server;
  #bounds: Bounds | undefined;
  readonly #byAddress = new Map<string, number>();
  /** Those that count for their address, and that. */
  readonly #counted = new WeakMap<Socket, string>();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#admit(socket));
  }

  /** Takes over other bounds. What is open stays open. */
  apply(bounds: Bounds): void {
    this.#bounds = bounds;
    this.#server.maxConnections = bounds.maxConnections;
  }

  /** Credentials were accepted on a connection: it counts no longer for its address. */
  trust(socket: Socket): void {
    const address = this.#counted.get(socket);
    if (address === undefined) return;
    this.#counted.delete(socket);
    const count = (this.#byAddress.get(address) ?? 1) - 1;
    if (count === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count);
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined) return;
    const count = this.#byAddress.get(address) ?? 0;
    if (this.#bounds && count >= this.#bounds.maxConnectionsPerAddress) {
      socket.destroy();
      return;
    }
    this.#byAddress.set(address, count + 1);
    this.#counted.set(socket, address);
    socket.once('close', () => this.trust(socket));
  }
}
