import { Agent, Pool, buildConnector } from 'undici';
import { ResponseHandler, Connection } from './connection.ts';
import type { UpstreamResponse } from './connection.ts';

/** A request to an endpoint. */
export interface UpstreamRequest {
  method: string;
  /** Scheme, host and port. */
  origin: string;
  /** Path and query. */
  path: string;
  headers: string[];
  /** Absent for a GET. */
  body?: Buffer | undefined;
  /** Never sent a second time, because doing it twice is not as good as once. */
  once?: boolean;
  /** The request is written to a connection. */
  onSent?: () => void;
}

/**
 * HTTP to the endpoints over one pool of kept-alive connections. Its only timer is the one of
 * connecting; the others belong to whoever aborts the signal. HTTP/1.1 only, so that one broken
 * connection does not end every stream at once.
 *
 * An endpoint may close a kept connection at the moment a request is written to it. undici looks for
 * that before it writes, but cannot see what is still on its way, and it resends nothing itself. Such
 * a request is sent once more, over a connection of its own. RFC 9110, 9.2.2, and RFC 9112, 9.3.1,
 * allow that for a POST only if doing it twice is as good as once; it is here: what is asked of an
 * endpoint (messages, counting of tokens, lists of models) leaves nothing behind there, and no part
 * of an answer has come. What does leave something there, such as a file, takes a connection of its own from the start.
 */
export class Upstream {
  readonly #kept: Agent;
  /** Opens a connection for each request, and closes it after that. */
  readonly #fresh: Agent;
  readonly #connectMs: () => number;
  #connector: { timeout: number; connect: buildConnector.connector } | undefined;

  /** `connectMs` is asked for each new connection. */
  constructor(connectMs: () => number) {
    this.#connectMs = connectMs;
    const options: Agent.Options = {
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      maxHeaderSize: 64 * 1024,
      connect: (target, callback) => this.#connect()(target, callback),
    };
    this.#kept = new Agent({ ...options, factory: pool });
    this.#fresh = new Agent({ ...options, pipelining: 0 });
  }

  /** Rejects with a network error, or with the signal's reason as soon as it is aborted. */
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const resend = (): void => dispatch(this.#fresh, request, handler);
    const handler = new ResponseHandler(signal, resend, request.onSent);
    dispatch(request.once === true ? this.#fresh : this.#kept, request, handler);
    return handler.response;
  }

  /** The kept connections by origin, with the requests on them. */
  stats(): { origin: string; open: number; idle: number; running: number; queued: number }[] {
    return Object.entries(this.#kept.stats).map(([origin, stats]) => ({
      origin,
      open: Number(stats.connected),
      idle: 'free' in stats ? stats.free : 0,
      running: stats.running,
      queued: 'queued' in stats ? stats.queued : stats.pending,
    }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#fresh.destroy()]);
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

/** Not by an agent's convenience methods: their streams and signals cost more than all the rest. */
function dispatch(agent: Agent, request: UpstreamRequest, handler: ResponseHandler): void {
  try {
    agent.dispatch(request, handler);
  } catch (error) {
    handler.fail(error as Error);
  }
}

function pool(origin: string | URL, options: object): Pool {
  return new Pool(origin, { ...options, factory: (to, each) => new Connection(to, each) });
}
