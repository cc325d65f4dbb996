import { Client } from 'undici';
import type { Dispatcher } from 'undici';

/** A handler that learns which connection carries its request, before the request is sent. */
export interface ConnectionAwareHandler extends Dispatcher.DispatchHandler {
  onConnection?(connection: Connection): void;
}

/** One kept-alive connection to an endpoint, opened again when it was closed. */
export class Connection extends Client {
  /** Whether a whole answer has come over it since it was opened. */
  served = false;

  constructor(origin: URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.served = false;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: ConnectionAwareHandler): boolean {
    handler.onConnection?.(this);
    return super.dispatch(options, handler);
  }
}

/** The body of an answer as it comes. */
export interface UpstreamBody {
  /**
   * Gives each chunk to `take`, and the next one only when the promise that it may return has
   * resolved. Resolves at the end; rejects with a network error, or with the cut.
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

/** Codes of a connection that the other side has closed. */
const CLOSED: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const DROPPED = new Error('the rest of the answer is not read');

/** One request and its answer, by undici's callbacks. */
export class ResponseHandler implements ConnectionAwareHandler, UpstreamBody {
  readonly response: Promise<UpstreamResponse>;
  readonly #signal: AbortSignal;
  readonly #resend: () => void;
  readonly #onSent: (() => void) | undefined;
  #connection: Connection | undefined;
  /** Whether its connection has served before, and nothing of an answer has come over it. */
  #stale = false;
  #answer!: (response: UpstreamResponse) => void;
  #refuse!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #take: ((chunk: Buffer) => Promise<void> | undefined) | undefined;
  #done: { resolve: () => void; reject: (error: Error) => void } | undefined;
  /** Chunks that nobody took yet. */
  #held: Buffer[] = [];
  /** Whether a chunk is being taken. */
  #busy = false;
  #ended = false;
  #error: Error | undefined;

  /** `resend` sends the same request over a connection that is new. */
  constructor(signal: AbortSignal, resend: () => void, onSent?: () => void) {
    this.#signal = signal;
    this.#resend = resend;
    this.#onSent = onSent;
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
    else this.#onSent?.();
  }

  /** Called at the first byte of an answer. */
  onResponseStarted(): void {
    this.#stale = false;
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
    if (!this.#stale || this.#error || !CLOSED.has(error.code)) return this.#end(error);
    this.#stale = false;
    this.#connection = undefined;
    this.#controller = undefined;
    this.#resend();
  }

  /** Ends the call early. Rejects at once, also while undici still connects. */
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

  /** Gives what is held, one after the other. */
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

/** undici reads a reason phrase as UTF-8, and node:http sends none that HTTP does not have. */
function sendable(statusText: string): string {
  return /^[\x20-\x7e]*$/.test(statusText) ? statusText : '';
}

/** As HTTP has them: a byte each. */
function strings(headers: readonly Buffer[]): string[] {
  return headers.map((each) => each.toString('latin1'));
}
