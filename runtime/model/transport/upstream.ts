import { Pool } from 'undici';
import type { Agent } from 'undici';
import { Agents } from '../../network/agents.ts';
import type { Network } from '../../network/network.ts';
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
  /** Endpoint whose client certificate is shown; absent: none is. */
  certificate?: string | undefined;
  /** Absent for a GET. */
  body?: Buffer | undefined;
  /** Never sent a second time, because doing it twice is not as good as once. */
  once?: boolean;
  /** The request is written to a connection. */
  onSent?: () => void;
}

/** Kept connections to one origin, open in all and of these idle, and the requests on them or waiting for one. */
export interface PoolStats {
  origin: string;
  open: number;
  idle: number;
  running: number;
  queued: number;
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
  readonly #kept: Agents;
  /** Open a connection for each request, and close it after that. */
  readonly #fresh: Agents;

  constructor(network: Pick<Network, 'way'>) {
    const options = { headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 64 * 1024 };
    this.#kept = new Agents(network, { ...options, factory: pool });
    this.#fresh = new Agents(network, { ...options, pipelining: 0 });
  }

  /** Rejects with a network error, or with the signal's reason as soon as it is aborted. */
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { certificate, once } = request;
    const resend = (): void => dispatch(this.#fresh.of(certificate), request, handler);
    const handler = new ResponseHandler(signal, resend, request.onSent);
    dispatch((once === true ? this.#fresh : this.#kept).of(certificate), request, handler);
    return handler.response;
  }

  /** The kept connections by origin, with the requests on them. */
  stats(): PoolStats[] {
    const all = new Map<string, PoolStats>();
    for (const [origin, stats] of this.#kept.stats()) {
      const sum = all.get(origin) ?? { origin, open: 0, idle: 0, running: 0, queued: 0 };
      sum.open += Number(stats.connected);
      sum.idle += 'free' in stats ? stats.free : 0;
      sum.running += stats.running;
      sum.queued += 'queued' in stats ? stats.queued : stats.pending;
      all.set(origin, sum);
    }
    return [...all.values()];
  }

  async close(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#fresh.destroy()]);
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
