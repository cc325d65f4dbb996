import type { IncomingHttpHeaders } from 'node:http';
import type { Counter, Histogram, Registry } from 'prom-client';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { backoff } from './backoff.ts';
import { deadline, sleep, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { ClusterConfig, TlsIdentity } from './config.ts';
import { ApiError, ConnectionError, errorType } from './errors.ts';
import { InFlightLimit } from './inflight.ts';
import { counter, histogram } from './metrics.ts';
import { NO_TRACES, SPAN_ATTRIBUTES } from './span.ts';
import type { Traces } from './span.ts';
import type { Status } from './types.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TransportRequest {
  method: Method;
  /** From the API server's root; see resourcePath. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  /** For one attempt, from when it is sent. Default 30 s. */
  deadlineMs?: number;
  /** Attempts after the first. Default 3. */
  retries?: number;
  /** Whether repeating the request has no further effect. Default: true except for POST. */
  idempotent?: boolean;
  /** Bypasses the limit of requests in flight: for the Lease, which must not wait behind a burst of writes. */
  urgent?: boolean;
  /** Waits behind other requests at the limit of requests in flight: for status and Events. */
  lowPriority?: boolean;
  /** Separate limit and connections: links wait for token reviews, which must not wait for writes. */
  lane?: 'reviews';
  /** Called right before each attempt, which fails with the error that it throws. */
  guard?: () => void;
}

export interface TransportOptions {
  config: ClusterConfig;
  registry: Registry;
  userAgent?: string;
  /**
   * Limit of requests in flight, and so of connections, without watches and urgent requests. Default 7.
   */
  maxInFlight?: number;
  /** Separate limit of token reviews in flight. Default 4. */
  maxReviewsInFlight?: number;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** Adds the requests of a traced reconcile to its trace. Default: nothing is traced. */
  traces?: Traces;
}

const DEADLINE_MS = 30_000;
const RETRIES = 3;
/** Also the longest delay that the server may ask for. */
const RETRY = { baseMs: 200, maxMs: 30_000 };
/** Less than the 90 s after which the API server closes an idle connection. */
const IDLE_CONNECTION_MS = 45_000;
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** HTTP client of one API server: connections, credentials, retries, deadlines and metrics. Bodies are JSON. */
export class Transport {
  readonly #config: ClusterConfig;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #userAgent: string;
  readonly #limits: Record<Lane, InFlightLimit>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #requests: Counter<'code' | 'method'>;
  readonly #durations: Histogram<'verb'>;
  readonly #maxConnections: Record<Lane, number>;
  readonly #traces: Traces;
  #agents?: Agents;

  constructor(options: TransportOptions) {
    const url = new URL(options.config.server);
    this.#config = options.config;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#userAgent = options.userAgent ?? 'breakwater';
    const { maxInFlight: calls = 7, maxReviewsInFlight: reviews = 4 } = options;
    this.#limits = { calls: new InFlightLimit(calls), reviews: new InFlightLimit(reviews) };
    this.#maxConnections = { calls, reviews };
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#traces = options.traces ?? NO_TRACES;
    this.#requests = counter(options.registry, {
      name: 'rest_client_requests_total',
      help: 'Number of HTTP requests, by status code and method',
      labelNames: ['code', 'method'],
    });
    this.#durations = histogram(options.registry, {
      name: 'rest_client_request_duration_seconds',
      help: 'Time from sending a request to its whole answer, watches aside, by method',
      labelNames: ['verb'],
      buckets: DURATION_BUCKETS,
    });
  }

  /**
   * Sends a request and returns the parsed response. Retries on 429, and an idempotent request also on 503, 504 and
   * broken connections. Honours Retry-After.
   * @throws ApiError, ConnectionError, or the signal's reason.
   */
  async request<T>(request: TransportRequest): Promise<T> {
    const { method, path } = request;
    const span = this.#traces.part(`${method} ${pluralOf(path)}`, () => ({
      [SPAN_ATTRIBUTES.method]: method,
      [SPAN_ATTRIBUTES.path]: path,
    }));
    try {
      const answer = await this.#repeated<T>(request);
      span.end();
      return answer;
    } catch (error) {
      span.end(errorType(error));
      throw error;
    }
  }

  async #repeated<T>(request: TransportRequest): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#authenticated(request, (refresh) => this.#attempt<T>(request, refresh));
      } catch (error) {
        request.signal?.throwIfAborted();
        const delay = this.#retryDelay(error, request, attempt);
        if (delay === undefined) throw error;
        await sleep(this.#clock, delay, request.signal ?? NEVER);
        request.signal?.throwIfAborted();
      }
    }
  }

  /**
   * Opens a streamed response, such as a watch, and returns its bytes as they arrive. It has no retries and no deadline:
   * the signal ends it. The iteration throws ConnectionError if the connection breaks.
   * @throws ApiError, ConnectionError, or the signal's reason.
   */
  async stream(request: TransportRequest): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#authenticated(request, async (refresh) => {
      const answer = await this.#send(request, request.signal, 'streams', refresh);
      if (answer.statusCode < 300) return answer;
      throw await this.#failure(answer, request);
    });
    return this.#bytes(response.body, request);
  }

  /** Number of open connections. */
  get connections(): number {
    return USES.reduce((sum, use) => sum + openConnections(this.#agents?.[use]), 0);
  }

  /** Closes idle connections at once, and the others when their requests end. */
  async close(): Promise<void> {
    const current = this.#agents;
    this.#agents = undefined;
    if (current) await Promise.all(USES.map((use) => current[use].close()));
  }

  /** Reads the token anew after a 401, once: it may have been rotated since it was read. */
  async #authenticated<R>(
    { signal }: TransportRequest,
    send: (refresh: boolean) => Promise<R>,
  ): Promise<R> {
    try {
      return await send(false);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401) || signal?.aborted) throw error;
      return send(true);
    }
  }

  async #attempt<T>(request: TransportRequest, refresh: boolean): Promise<T> {
    const release = await this.#acquire(request);
    const limit = deadline(this.#clock, request.deadlineMs ?? DEADLINE_MS, request.signal);
    const started = this.#clock.monotonic();
    try {
      const use = request.urgent ? 'urgent' : (request.lane ?? 'calls');
      const response = await this.#send(request, limit.signal, use, refresh);
      if (response.statusCode >= 300) throw await this.#failure(response, request);
      return (await response.body.json()) as T;
    } catch (error) {
      throw this.#explained(error, request, limit.expired);
    } finally {
      limit[Symbol.dispose]();
      release?.();
      const seconds = (this.#clock.monotonic() - started) / 1000;
      this.#durations.observe({ verb: request.method }, seconds);
    }
  }

  async #acquire(request: TransportRequest): Promise<(() => void) | undefined> {
    const { urgent, lane = 'calls', signal, lowPriority } = request;
    return urgent ? undefined : this.#limits[lane].acquire(signal, lowPriority);
  }

  async #send(
    request: TransportRequest,
    signal: AbortSignal | undefined,
    use: Use,
    refresh: boolean,
  ): Promise<Dispatcher.ResponseData> {
    const { tls, headers } = await this.#config.credentials(refresh);
    const agent = this.#agentsFor(tls)[use];
    signal?.throwIfAborted();
    request.guard?.();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const { method } = request;
    try {
      const response = await agent.request({
        origin: this.#origin,
        path: this.#prefix + request.path + queryString(request.query),
        method,
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': this.#userAgent,
          ...(body !== undefined && { 'content-type': request.contentType ?? 'application/json' }),
        },
        body,
        signal,
      });
      this.#requests.inc({ code: response.statusCode, method });
      return response;
    } catch (error) {
      this.#requests.inc({ code: '<error>', method });
      throw this.#explained(error, request, false);
    }
  }

  /** A new TLS identity gets new connections. Requests on the old connections may end. */
  #agentsFor(tls: TlsIdentity): Agents {
    if (this.#agents && sameIdentity(this.#agents.tls, tls)) return this.#agents;
    void this.close().catch(() => undefined);
    const options = {
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      connect: { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000 },
    };
    const kept = { ...options, keepAliveTimeout: IDLE_CONNECTION_MS };
    this.#agents = {
      tls,
      calls: new Agent({ ...kept, connections: this.#maxConnections.calls }),
      reviews: new Agent({ ...kept, connections: this.#maxConnections.reviews }),
      urgent: new Agent({ ...kept, connections: 1 }),
      streams: new Agent({ ...options, keepAliveTimeout: 1_000 }),
    };
    return this.#agents;
  }

  async #failure(response: Dispatcher.ResponseData, request: TransportRequest): Promise<ApiError> {
    const text = await response.body.text();
    const status = parseStatus(text);
    const { statusCode } = response;
    const message =
      status.message ||
      `The API server answered ${statusCode} to ${request.method} ${request.path}`;
    return new ApiError(
      statusCode,
      message,
      status,
      retryAfter(response.headers, this.#clock.now()),
    );
  }

  async *#bytes(
    body: AsyncIterable<Uint8Array>,
    request: TransportRequest,
  ): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) yield chunk;
    } catch (error) {
      throw this.#explained(error, request, false);
    }
  }

  #explained(error: unknown, request: TransportRequest, expired: boolean): unknown {
    const what = `${request.method} ${request.path}`;
    if (expired) {
      const limit = request.deadlineMs ?? DEADLINE_MS;
      return new ConnectionError(
        `${what}: no answer from the API server within ${limit} ms`,
        error,
      );
    }
    if (request.signal?.aborted) return request.signal.reason;
    if (!isConnectionFailure(error)) return error;
    return new ConnectionError(`${what}: ${error.message}`, error);
  }

  #retryDelay(error: unknown, request: TransportRequest, attempt: number): number | undefined {
    if (attempt >= (request.retries ?? RETRIES)) return undefined;
    const idempotent = request.idempotent ?? request.method !== 'POST';
    if (!isRetriable(error, idempotent)) return undefined;
    const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
    const delay = backoff(attempt, RETRY) * (0.5 + this.#random() / 2);
    return Math.min(Math.max(asked ?? 0, delay), RETRY.maxMs);
  }
}

const USES = ['calls', 'reviews', 'urgent', 'streams'] as const;

type Use = (typeof USES)[number];

/** Uses with a limit of requests in flight. */
type Lane = 'calls' | 'reviews';

/**
 * The connections of one TLS identity: a few kept ones for calls and for token reviews, one for the Lease alone, and one
 * for each watch.
 */
type Agents = { tls: TlsIdentity } & Record<Use, Agent>;

function openConnections(agent: Agent | undefined): number {
  return Object.values(agent?.stats ?? {}).reduce(
    (sum, { connected }) => sum + Number(connected),
    0,
  );
}

const NEVER = new AbortController().signal;

function isRetriable(error: unknown, idempotent: boolean): boolean {
  if (error instanceof ConnectionError) return idempotent && !isTimeout(error);
  if (!(error instanceof ApiError)) return false;
  return error.status === 429 || (idempotent && (error.status === 503 || error.status === 504));
}

function isTimeout(error: ConnectionError): boolean {
  return (error.cause as Error | undefined)?.name === 'TimeoutError';
}

/** Errors of undici and of sockets have a code in words. An incomplete JSON body is a SyntaxError. */
function isConnectionFailure(error: unknown): error is Error {
  const { name, code } = (error ?? {}) as NodeJS.ErrnoException;
  return name === 'SyntaxError' || typeof code === 'string';
}

function parseStatus(text: string): Status {
  try {
    const status = JSON.parse(text) as Status;
    return status?.kind === 'Status' ? status : {};
  } catch {
    return {};
  }
}

/** Retry-After is a number of seconds or an HTTP date. */
function retryAfter(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - nowMs : seconds * 1000;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function queryString(query: TransportRequest['query']): string {
  const params = Object.entries(query ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value!)}`);
  return params.length === 0 ? '' : `?${params.join('&')}`;
}

function sameIdentity(a: TlsIdentity, b: TlsIdentity): boolean {
  const keys = ['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized'] as const;
  return keys.every((key) => a[key] === b[key]);
}

/** The plural of a path's kind, such as configmaps. */
function pluralOf(path: string): string {
  const root = /^\/(api|apis\/[^/]+)\/[^/]+\//.exec(path)?.[0] ?? '/';
  const [first, , third] = path.slice(root.length).split('/');
  const plural = first === 'namespaces' && third !== undefined ? third : first;
  return plural ?? path;
}
