import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Client } from '../clients/clients.ts';

/** The client and the request for which the program works. */
export interface OpenRequest {
  client: Pick<Client, 'principal' | 'id' | 'authentication' | 'name' | 'headers'>;
  /** Where it came from. Absent: a tool that the program itself has called. */
  request?: Pick<IncomingMessage, 'socket' | 'headers'> | undefined;
  /** Aborts when the request ends. */
  signal: AbortSignal;
}

/** Bytes of an id. */
const ID_BYTES = 16;

/** Requests that the program serves now, by the random id that it returns in `breakwater-request`. */
export class OpenRequests {
  readonly #open = new Map<string, OpenRequest>();

  get size(): number {
    return this.#open.size;
  }

  /** Opens a request until `end` is called, which also ends the calls made for it. */
  begin(
    { client, request }: Omit<OpenRequest, 'signal'>,
    cut: AbortSignal,
  ): { id: string; end: () => void } {
    const id = randomBytes(ID_BYTES).toString('base64url');
    const over = new AbortController();
    const signal = AbortSignal.any([cut, over.signal]);
    this.#open.set(id, { client, request, signal });
    return {
      id,
      end: () => {
        this.#open.delete(id);
        over.abort();
      },
    };
  }

  find(id: string): OpenRequest | undefined {
    return this.#open.get(id);
  }
}
