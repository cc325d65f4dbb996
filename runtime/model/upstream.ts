import { Agent, buildConnector } from 'undici';
import { Exchange } from './exchange.ts';
import type { UpstreamResponse } from './exchange.ts';
import type { CutSource } from './cutSource.ts';

/** A request to an endpoint. */
export interface UpstreamRequest {
  method: 'GET' | 'POST';
  /** Scheme, host and port. */
  origin: string;
  /** Path and query. */
  path: string;
  headers: string[];
  /** Absent for a GET. */
  body?: Buffer;
}

/**
 * HTTP to the endpoints over one pool of kept-alive connections. Its only timer is the one of
 * connecting; the others belong to whoever cuts the exchange. HTTP/1.1 only, so that one broken
 * connection does not end every stream at once.
 */
export class Upstream {
  readonly #agent: Agent;
  readonly #connectMs: () => number;
  #connector: { timeout: number; connect: buildConnector.connector } | undefined;

  /** `connectMs` is asked for each new connection. */
  constructor(connectMs: () => number) {
    this.#connectMs = connectMs;
    this.#agent = new Agent({
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      maxHeaderSize: 64 * 1024,
      connect: (options, callback) => this.#connect()(options, callback),
    });
  }

  /** Rejects with a network error, or with the cut as soon as there is one. */
  send(request: UpstreamRequest, cuts: CutSource): Promise<UpstreamResponse> {
    if (cuts.cut) return Promise.reject(cuts.cut);
    const exchange = new Exchange(cuts);
    // Not by its convenience methods: their streams and signals cost more than all the rest.
    try {
      this.#agent.dispatch(request, exchange);
    } catch (error) {
      exchange.fail(error as Error);
    }
    return exchange.response;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** The connector for the timeout in force; kept, because it holds the cache of TLS sessions. */
  #connect(): buildConnector.connector {
    const timeout = this.#connectMs();
    if (this.#connector?.timeout !== timeout) {
      this.#connector = { timeout, connect: buildConnector({ timeout, allowH2: false }) };
    }
    return this.#connector.connect;
  }
}
