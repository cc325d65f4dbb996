import { networkOf } from './networkOf.ts';
import { Spend } from './spend.ts';

/** When the addresses of a client in an hour are unusual: over so many times the mean of its hours before, and at least so many. */
export const UNUSUAL_ADDRESSES = { factor: 5, hours: 24, minTokens: 10 };
/** Largest number of addresses that count for one client in an hour. */
const MAX_ADDRESSES = 64;

interface Seen {
  hour: number;
  networks: Set<string>;
}

const HOUR_MS = 3_600_000;

/** Compares the number of addresses of each client in an hour with that of its own last hours. */
export class Addresses {
  /** Least recently seen first. */
  readonly #clients = new Map<string, Seen>();
  readonly #numbers = new Spend();
  #maxClients = 0;

  /** @param maxClients largest number of clients; evicts the one seen longest ago */
  apply(maxClients: number): void {
    this.#maxClients = maxClients;
    this.#numbers.apply({ ...UNUSUAL_ADDRESSES, maxClients });
  }

  /** Notes that the client came from the address. Returns whether to report a detection, as Spend does. `now` in milliseconds. */
  add(client: string, address: string, now: number): boolean {
    const { networks } = this.#seenOf(client, Math.floor(now / HOUR_MS));
    const network = networkOf(address);
    if (networks.size >= MAX_ADDRESSES || networks.has(network)) return false;
    networks.add(network);
    return this.#numbers.add(client, 1, now);
  }

  #seenOf(client: string, hour: number): Seen {
    let seen = this.#clients.get(client);
    if (seen) this.#clients.delete(client);
    else {
      for (const oldest of this.#clients.keys()) {
        if (this.#clients.size < this.#maxClients) break;
        this.#clients.delete(oldest);
      }
    }
    if (seen?.hour !== hour) seen = { hour, networks: new Set() };
    this.#clients.set(client, seen);
    return seen;
  }
}
