import { Agent, buildConnector } from 'undici';
import type { Readable } from 'node:stream';

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

/** An answer whose headers have arrived. */
export interface UpstreamResponse {
  status: number;
  statusText: string;
  headers: string[];
  /** Raw bytes; destroying it drops the connection. */
  body: Readable;
}

/**
 * HTTP to the endpoints over one pool of kept-alive connections. Its only timer is the one of
 * connecting; the others belong to whoever aborts the signal. HTTP/1.1 only, so that one broken
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

  /** Rejects with a network error, or with the signal's reason as soon as that is aborted. */
  async send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    signal.throwIfAborted();
    const pending = this.#agent.request({
      ...request,
      signal,
      responseHeaders: 'raw',
    });
    const response = await abortable(pending, signal);
    return {
      status: response.statusCode,
      statusText: response.statusText,
      headers: response.headers as unknown as string[],
      body: response.body,
    };
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

/** undici notices an abort only once it is connected; a caller should not wait for that. */
function abortable<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    pending
      .then(resolve, reject)
      .finally(settled)
      .catch(() => undefined);
  });
}
