import { Pool } from 'undici';
import type { Agent, Dispatcher } from 'undici';
import { Agents } from '../../network/agents.ts';
import type { Network } from '../../network/network.ts';
import { Connection } from './connection.ts';
import type { ConnectionAwareHandler } from './connection.ts';

/** A request to an endpoint. */
export interface UpstreamRequest {
  method: string;
  /** Scheme, host and port. */
  origin: string;
  /** Path and query. */
  path: string;
  headers: string[];
  /** Endpoint whose client certificate to show; absent: none. */
  certificate?: string | undefined;
  /** Absent for a GET. */
  body?: Buffer | undefined;
  /** Forbids a second sending, because it could do something twice. */
  once?: boolean;
  /** Called when the request is written to a connection. */
  onSent?: () => void;
}

/** Kept-alive connections to one origin, all and idle, with the requests that run or wait. */
export interface PoolStats {
  origin: string;
  open: number;
  idle: number;
  running: number;
  queued: number;
}

/**
 * Sends HTTP/1.1 to the endpoints over one pool of kept-alive connections, so that one broken connection does not end
 * every stream. Its only timer is for connecting; callers abort the signal for others. An endpoint may close a kept
 * connection while a request is on its way; undici cannot see that and does not resend. Such a request is sent once
 * more, over a new connection, if it was not wholly written or the connection breaks within two round trips of that:
 * after that the endpoint may have worked on it, and the attempt has failed. RFC 9110, 9.2.2, and RFC 9112, 9.3.1, allow that for a POST only if a second sending
 * does no harm. That holds here: messages, token counts and lists of models leave nothing behind, and no part of an
 * answer has come. A request that does leave something, such as a file, gets a new connection from the start.
 */
export class Upstream {
  readonly #kept: Agents;
  /** Open a new connection for each request. */
  readonly #fresh: Agents;

  readonly #now: () => number;

  /** `now`: monotonic clock in milliseconds. */
  constructor(network: Pick<Network, 'settings'>, now: () => number) {
    const options = { headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 64 * 1024 };
    this.#now = now;
    const connection = (origin: URL, own: object): Connection => new Connection(origin, own, now);
    const pool = (origin: string | URL, own: object): Pool =>
      new Pool(origin, { ...own, factory: connection });
    this.#kept = new Agents(network, { ...options, factory: pool });
    this.#fresh = new Agents(network, { ...options, pipelining: 0 });
  }

  /** Rejects with a network error, or with the signal's reason when it aborts. */
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { certificate, once } = request;
    const resend = (): void => dispatch(this.#fresh.of(certificate), request, handler);
    const handler = new ResponseHandler(signal, { resend, onSent: request.onSent, now: this.#now });
    dispatch((once === true ? this.#fresh : this.#kept).of(certificate), request, handler);
    return handler.response;
  }

  /** The kept-alive connections by origin. */
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

/** Avoids the agent's convenience methods: their streams and signals cost more than all the rest. */
function dispatch(agent: Agent, request: UpstreamRequest, handler: ResponseHandler): void {
  try {
    agent.dispatch(inPieces(request), handler);
  } catch (error) {
    handler.fail(error as Error);
  }
}

/** Bodies up to this size are sent whole, in bytes. */
const WHOLE_BYTES = 64 * 1024;

/**
 * The request as undici sends it. undici keeps a Buffer until the answer has ended, which for a stream is long after the
 * request was written. Of an iterator it keeps nothing that is written.
 */
function inPieces(request: UpstreamRequest): Dispatcher.DispatchOptions {
  const { body, headers } = request;
  const options = request as Dispatcher.DispatchOptions;
  if (body === undefined || body.length <= WHOLE_BYTES) return options;
  const sized = [...headers, 'content-length', String(body.length)];
  return { ...options, headers: sized, body: new Pieces(body) as never };
}

/** Lets go of the body once undici has taken all of it. */
class Pieces implements Iterable<Buffer>, Iterator<Buffer> {
  #left: Buffer | undefined;

  constructor(body: Buffer) {
    this.#left = body;
  }

  [Symbol.iterator](): Iterator<Buffer> {
    return this;
  }

  next(): IteratorResult<Buffer> {
    const left = this.#left;
    if (left === undefined) return { done: true, value: undefined };
    this.#left = left.length > WHOLE_BYTES ? left.subarray(WHOLE_BYTES) : undefined;
    return { done: false, value: left.subarray(0, WHOLE_BYTES) };
  }
}

export interface UpstreamBody {
  /**
   * Gives each chunk to `take`, and the next one when the promise that it may return has resolved. Resolves at the
   * end; rejects with a network error, or with the cut.
   */
  read(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void>;
  /** Drops the connection if the body has not ended. */
  destroy(): void;
}

/** An answer whose headers have arrived. */
export interface UpstreamResponse {
  status: number;
  statusText: string;
  headers: string[];
  body: UpstreamBody;
}

/** Codes of a connection closed by the other side. */
const CLOSED: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const DROPPED = new Error('the rest of the answer is not read');

export interface Sending {
  /** Sends the same request over a new connection. */
  resend: (() => void) | undefined;
  onSent?: (() => void) | undefined;
  /** Monotonic clock in milliseconds. */
  now: () => number;
}

/** Handles one request and its answer as undici's callbacks. */
export class ResponseHandler implements ConnectionAwareHandler, UpstreamBody {
  readonly response: Promise<UpstreamResponse>;
  readonly #signal: AbortSignal;
  readonly #sending: Sending;
  #connection: Connection | undefined;
  /** Whether the connection has served before and no part of this answer has arrived. */
  #stale = false;
  /** When the request was wholly written. */
  #writtenAt: number | undefined;
  #answer!: (response: UpstreamResponse) => void;
  #refuse!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #take: ((chunk: Buffer) => Promise<void> | undefined) | undefined;
  #done: { resolve: () => void; reject: (error: Error) => void } | undefined;
  /** Chunks that wait for `take`. */
  #held: Buffer[] = [];
  /** Whether `take` is busy. */
  #busy = false;
  #ended = false;
  #error: Error | undefined;

  constructor(signal: AbortSignal, sending: Sending) {
    this.#signal = signal;
    this.#sending = sending;
    this.response = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#refuse = reject;
    });
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onConnection(connection: Connection): void {
    this.#connection = connection;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#stale = this.#connection?.served === true;
    if (this.#error) controller.abort(this.#error);
    else this.#sending.onSent?.();
  }

  /** Called when undici has given the whole request to the socket. */
  onRequestSent(): void {
    if (!this.#stale) return;
    this.#connection?.whenWritten(() => {
      this.#writtenAt = this.#sending.now();
    });
  }

  /** Called at the first byte of an answer. */
  onResponseStarted(): void {
    this.#stale = false;
    // It holds the request.
    this.#sending.resend = undefined;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText = '',
  ): void {
    if (status < 200) return;
    const headers = strings(controller.rawHeaders as Buffer[]);
    this.#answer({ status, statusText: sendable(statusText), headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#take && !this.#busy && this.#held.length === 0) this.#give(chunk);
    else this.#held.push(chunk);
    if (this.#busy) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    if (this.#connection) this.#connection.served = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#settle();
  }

  onResponseError(_controller: unknown, error: NodeJS.ErrnoException): void {
    if (this.#error || !CLOSED.has(error.code) || !this.#isUntouched) return this.#end(error);
    this.#stale = false;
    this.#connection = undefined;
    this.#controller = undefined;
    this.#sending.resend?.();
  }

  /** Whether the endpoint cannot have worked on the request: it had closed the connection before. */
  get #isUntouched(): boolean {
    if (!this.#stale || !this.#connection) return false;
    if (this.#writtenAt === undefined) return true;
    return this.#sending.now() - this.#writtenAt <= this.#connection.staleMs;
  }

  /** Ends the call early and rejects at once, even while undici still connects. */
  fail(error: Error): void {
    if (this.#ended || this.#error) return;
    this.#end(error);
    this.#controller?.abort(error);
  }

  read(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done = { resolve, reject };
      this.#take = take;
      this.#drain();
    });
  }

  destroy(): void {
    this.fail(DROPPED);
  }

  readonly #onAbort = (): void => this.fail(this.#signal.reason as Error);

  #end(error: Error): void {
    this.#error ??= error;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#refuse(this.#error);
    this.#settle();
  }

  /** Gives the held chunks one after another. */
  #drain(): void {
    while (!this.#busy && this.#held.length > 0 && !this.#error) this.#give(this.#held.shift()!);
    this.#settle();
  }

  #give(chunk: Buffer): void {
    const taken = this.#take!(chunk);
    if (taken === undefined) return;
    this.#busy = true;
    taken.then(
      () => {
        this.#busy = false;
        this.#drain();
        if (!this.#busy && this.#controller?.paused) this.#controller.resume();
      },
      (error: unknown) => this.fail(error as Error),
    );
  }

  #settle(): void {
    if (this.#error) this.#done?.reject(this.#error);
    else if (this.#ended && !this.#busy && this.#held.length === 0) this.#done?.resolve();
  }
}

/** undici reads a reason phrase as UTF-8, but node:http sends only characters that HTTP allows. */
function sendable(statusText: string): string {
  return /^[\x20-\x7e]*$/.test(statusText) ? statusText : '';
}

/** One character for each byte, as in HTTP. */
function strings(headers: readonly Buffer[]): string[] {
  return headers.map((each) => each.toString('latin1'));
}
