import type { HeldAnswer, Sink } from '../model/attempt/attempt.ts';

/** Statuses without a body in fetch. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Statuses that a Response can have. */
const LEAST_STATUS = 200;
const MOST_STATUS = 599;
/** Stands for any other. */
const BAD_GATEWAY = 502;

/** Turns a forwarded answer into a Response of fetch. */
class WebSink implements Sink {
  /** Resolves with the head of the answer. */
  readonly response: Promise<Response>;
  readonly #head = Promise.withResolvers<Response>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #onRoom: (() => void) | undefined;
  #over = false;

  constructor() {
    this.response = this.#head.promise;
    // The client may have left before the answer.
    this.response.catch(() => undefined);
  }

  /** The reader is in this process. */
  get blocked(): boolean {
    return this.#onRoom !== undefined;
  }

  head(status: number, statusText: string, headers: string[]): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wake(),
      cancel: () => {
        this.#over = true;
        this.#wake();
      },
    });
    this.#head.resolve(
      this.#respond(BODILESS.has(status) ? null : body, status, statusText, headers),
    );
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#over || !this.#controller) return;
    this.#controller.enqueue(chunk);
    if ((this.#controller.desiredSize ?? 1) > 0) return;
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
  }

  end(last?: Buffer): void {
    if (this.#over) return;
    this.#over = true;
    if (last) this.#controller?.enqueue(last);
    this.#controller?.close();
  }

  /** Sends an answer that was held back. */
  answer({ status, statusText, headers, body }: HeldAnswer): void {
    this.#over = true;
    const text = BODILESS.has(status) ? null : new Uint8Array(body);
    this.#head.resolve(this.#respond(text, status, statusText, headers));
  }

  /** Ends with an error, before or amid the answer. */
  fail(error: Error): void {
    this.#head.reject(error);
    if (this.#over) return;
    this.#over = true;
    this.#controller?.error(error);
    this.#wake();
  }

  #respond(
    body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
    status: number,
    statusText: string,
    headers: string[],
  ): Response {
    const fields = new Headers();
    for (let i = 0; i + 1 < headers.length; i += 2) fields.append(headers[i]!, headers[i + 1]!);
    const usual = status >= LEAST_STATUS && status <= MOST_STATUS;
    return new Response(body, {
      status: usual ? status : BAD_GATEWAY,
      statusText,
      headers: fields,
    });
  }

  #wake(): void {
    const onRoom = this.#onRoom;
    this.#onRoom = undefined;
    onRoom?.();
  }
}

/** Turns forwarded answers into Responses of fetch: one, and another for each time that it takes one back. */
export class RecallableSink implements Sink {
  readonly takesPieces = false;
  readonly #mayRecall: () => boolean;
  #sink = new WebSink();
  /** The sink whose response was asked for last. */
  #read = this.#sink;
  #recalled = Promise.withResolvers<void>();

  /** `mayRecall`: whether nothing of the answer has reached the client. */
  constructor(mayRecall: () => boolean) {
    this.#mayRecall = mayRecall;
  }

  get blocked(): boolean {
    return this.#sink.blocked;
  }

  /** Whether the answer that was asked for last has not been taken back. */
  get isCurrent(): boolean {
    return this.#read === this.#sink;
  }

  /** Resolves with the head of the current answer. */
  get response(): Promise<Response> {
    this.#read = this.#sink;
    return this.#sink.response;
  }

  /** Resolves with the head of the answer that follows the one that was read; never without one. */
  async next(): Promise<void> {
    if (this.isCurrent) await this.#recalled.promise;
    await this.#sink.response;
  }

  head(...head: Parameters<WebSink['head']>): void {
    this.#sink.head(...head);
  }

  write(chunk: Buffer): Promise<void> {
    return this.#sink.write(chunk);
  }

  end(last?: Buffer): void {
    this.#sink.end(last);
  }

  recall(): boolean {
    if (!this.#mayRecall()) return false;
    this.#sink.fail(new Error('the answer broke off'));
    this.#sink = new WebSink();
    this.#recalled.resolve();
    this.#recalled = Promise.withResolvers();
    return true;
  }

  answer(held: HeldAnswer): void {
    this.#sink.answer(held);
  }

  fail(error: Error): void {
    this.#sink.fail(error);
  }
}
