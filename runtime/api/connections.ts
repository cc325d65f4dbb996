import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Content } from '../../contract/generated/types.ts';
import { Connections } from '../../listener/connections.ts';

type Bounds = Pick<Content['requestLimits'], 'maxConnections' | 'maxConnectionsPerAddress'>;

/** Bounds the connections of clients: in total, and for each address while it has shown no valid credential. */
export class ClientConnections {
  readonly #all: Connections;
  #bounds: Bounds | undefined;
  readonly #byAddress = new Map<string, number>();
  /** Addresses of the connections that count against them. */
  readonly #counted = new WeakMap<Socket, string>();

  constructor(server: Server) {
    server.on('connection', (socket) => this.#admit(socket));
    this.#all = new Connections(server, { max: Infinity, whenBusy: 'Refuse' });
  }

  /** Replaces the bounds. Open connections stay open. */
  apply(bounds: Bounds): void {
    this.#bounds = bounds;
    this.#all.max = bounds.maxConnections;
  }

  /** Stops counting a connection against its address: its credentials were accepted. */
  trust(socket: Socket): void {
    this.#all.trust(socket);
    this.#discount(socket);
  }

  #discount(socket: Socket): void {
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
    socket.once('close', () => this.#discount(socket));
  }
}
