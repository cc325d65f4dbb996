import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:http';

export interface Answer {
  /** 0 without a response. */
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** Whether the body is complete. A stream ends with message_stop. */
  complete: boolean;
  /** Error code such as ECONNRESET, if the connection failed before the response was complete. */
  failure?: string;
  /** Milliseconds from sending to the end of the response. */
  ms: number;
}

export interface MessageRequest {
  stream?: boolean;
  /** Body. Default: a small valid request. */
  body?: string;
  headers?: Record<string, string>;
  /** Called with each chunk of the response's body. */
  onData?: (text: string) => void;
  /** Cancels the request, like a client that disconnects. */
  signal?: AbortSignal;
  timeoutMs?: number;
}

const MESSAGE = {
  model: 'claude-sonnet-5-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'How are you?' }],
};

/** A small valid request of the Messages API as JSON. */
export function messageBody(stream: boolean): string {
  return JSON.stringify({ ...MESSAGE, stream });
}

function isComplete(headers: IncomingHttpHeaders, body: string): boolean {
  const streamed = headers['content-type']?.startsWith('text/event-stream') ?? false;
  return !streamed || body.includes('event: message_stop') || body.includes('event: error');
}

function failureCode(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

/** Client of the Messages API at one address. Failures of the server are results, not exceptions. */
export class MessagesClient {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #keepAlive: boolean;

  /** @param url before /v1/messages */
  constructor(url: string, options: { keepAlive?: boolean } = {}) {
    this.#url = new URL(`${url.replace(/\/$/, '')}/v1/messages`);
    this.#keepAlive = options.keepAlive ?? true;
    this.#agent = new Agent({ keepAlive: this.#keepAlive });
  }

  send(message: MessageRequest = {}): Promise<Answer> {
    const body = message.body ?? messageBody(message.stream ?? false);
    const started = performance.now();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const answer: Answer = { status: 0, headers: {}, body: '', complete: false, ms: 0 };
    const end = (error?: Error): void => {
      answer.ms = performance.now() - started;
      if (error) answer.failure ??= failureCode(error);
      else answer.complete = isComplete(answer.headers, answer.body);
      resolve(answer);
    };
    const req = request(this.#url, {
      method: 'POST',
      agent: this.#agent,
      signal: message.signal,
      timeout: message.timeoutMs ?? 60_000,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-api-key': 'client',
        'anthropic-version': '2023-06-01',
        ...message.headers,
      },
    });
    req.on('error', end);
    req.on('timeout', () => req.destroy(new Error('no byte within the time limit')));
    req.on('response', (res) => {
      answer.status = res.statusCode ?? 0;
      answer.headers = res.headers;
      res.setEncoding('utf8');
      res.on('data', (text: string) => {
        answer.body += text;
        message.onData?.(text);
      });
      res.on('end', () => end());
      res.on('error', end);
    });
    req.end(body);
    return promise;
  }

  /** Closes idle connections. */
  close(): void {
    if (this.#keepAlive) this.#agent.destroy();
  }
}
