/** A provider that speaks the Messages API and misbehaves as the script of a fault says. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The model that misbehaves; all others are healthy. */
export const PRIMARY = 'fault-primary';
export const FALLBACK = 'fault-fallback';
/** A fallback model that refuses conversations that end with a message of the assistant. */
export const FALLBACK_WITHOUT_PREFILL = 'fault-fallback-strict';

/** The answer of a healthy model: sixty words. */
export const ANSWER = (
  'A harbour is judged on the night of the storm, not on the calm days before it. Ships that were ' +
  'once promised shelter find out then whether the breakwater holds, whether the pilot answers, and ' +
  'whether the lights burn. What a provider drops, a good gateway catches, or it says at once, ' +
  'in plain words, that nothing could be saved.'
).split(' ');

const TOKEN_MS = 15;
const INPUT_TOKENS = 21;
/** Longer than any client keeps an idle connection, so that the provider never closes one first. */
const KEEP_ALIVE_MS = 300_000;

/** How a stream differs from a good one. Positions are numbers of words. */
export interface StreamFault {
  firstTokenMs?: number;
  /** Closes the connection there, without the end of the HTTP body. */
  cutAt?: number;
  /** Sends nothing from there for `stallMs`, then closes the connection. */
  stallAt?: number;
  stallMs?: number;
  /** Sends an event there that is not JSON. */
  malformedAt?: number;
  withoutStop?: boolean;
}

/** One request for the primary model. */
export interface Turn {
  /** Counts from 1. */
  attempt: number;
  /** Since the first request of any kind. */
  seconds: number;
  refuse(status: number, type: string, message: string, headers?: Record<string, string>): void;
  /** Resets the connection before the first byte of an answer. */
  reset(): void;
  /** Sends no answer for `ms`, then closes the connection. */
  hold(ms: number): Promise<void>;
  answer(fault?: StreamFault): Promise<void>;
}

/** How the provider treats a request for the primary model. */
export type Script = (turn: Turn) => void | Promise<void>;

/** A request as the provider saw it. */
export interface Attempt {
  model: string;
  /** Since the first request. */
  seconds: number;
  prefillRefused: boolean;
  /** Whether the model began a good answer. */
  answered: boolean;
}

interface MessagesBody {
  model: string;
  stream?: boolean;
  messages?: { role: string }[];
}

export class Provider {
  readonly attempts: Attempt[] = [];
  readonly #script: Script;
  readonly #server: Server;
  #began: number | undefined;

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts the provider on a free port. */
  static async start(script: Script): Promise<Provider> {
    const provider = new Provider(script);
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(200).end();
      return;
    }
    const now = performance.now();
    this.#began ??= now;
    const seconds = (now - this.#began) / 1000;
    const { model } = body;
    const seen: Attempt = { model, seconds, prefillRefused: false, answered: false };
    this.attempts.push(seen);
    const reply = new Reply(response, body, seen);
    if (model === PRIMARY) {
      const attempt = this.attempts.filter((each) => each.model === PRIMARY).length;
      await this.#script(turn(reply, attempt, seconds));
      return;
    }
    if (model === FALLBACK_WITHOUT_PREFILL && body.messages?.at(-1)?.role === 'assistant') {
      seen.prefillRefused = true;
      reply.refuse(400, 'invalid_request_error', 'This model does not take assistant prefill.');
      return;
    }
    await reply.answer();
  }
}

async function readBody(request: IncomingMessage): Promise<MessagesBody | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (request.method !== 'POST') return undefined;
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as MessagesBody;
}

function turn(reply: Reply, attempt: number, seconds: number): Turn {
  return {
    attempt,
    seconds,
    refuse: (...args) => reply.refuse(...args),
    reset: () => reply.reset(),
    hold: (ms) => reply.hold(ms),
    answer: (fault) => reply.answer(fault),
  };
}

class Reply {
  readonly #response: ServerResponse;
  readonly #body: MessagesBody;
  readonly #seen: Attempt;

  constructor(response: ServerResponse, body: MessagesBody, seen: Attempt) {
    this.#response = response;
    this.#body = body;
    this.#seen = seen;
    // A client that gives up is no error of the bench.
    response.on('error', () => undefined);
  }

  refuse(
    status: number,
    type: string,
    message: string,
    headers: Record<string, string> = {},
  ): void {
    const body = JSON.stringify({ type: 'error', error: { type, message } });
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  }

  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }

  async hold(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false });
    this.#response.destroy();
  }

  async answer(fault: StreamFault = {}): Promise<void> {
    this.#seen.answered = true;
    if (this.#body.stream === true) return this.#stream(fault);
    const message = { ...this.#message(), content: [{ type: 'text', text: ANSWER.join(' ') }] };
    const whole = { ...message, stop_reason: 'end_turn', usage: usage(ANSWER.length) };
    this.#response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(whole));
  }

  async #stream(fault: StreamFault): Promise<void> {
    const { cutAt, stallAt, malformedAt, withoutStop = false } = fault;
    const response = this.#response;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    if (fault.firstTokenMs !== undefined)
      await sleep(fault.firstTokenMs, undefined, { ref: false });
    this.#event('message_start', { message: this.#message() });
    this.#event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
    for (const [index, word] of ANSWER.entries()) {
      if (index === cutAt) return this.#close();
      if (index === stallAt) return this.#stall(fault.stallMs ?? 0);
      if (index === malformedAt)
        response.write('event: content_block_delta\ndata: {"type": "con\n\n');
      const text = index === 0 ? word : ` ${word}`;
      this.#event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
      await sleep(TOKEN_MS);
    }
    this.#event('content_block_stop', { index: 0 });
    const delta = { stop_reason: 'end_turn', stop_sequence: null };
    this.#event('message_delta', { delta, usage: { output_tokens: ANSWER.length } });
    if (!withoutStop) this.#event('message_stop');
    response.end();
  }

  async #stall(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false });
    this.#close();
  }

  /** Ends the connection without the last chunk of the body. */
  #close(): void {
    this.#response.socket?.destroySoon();
  }

  #event(type: string, rest: object = {}): void {
    this.#response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  }

  #message(): object {
    return {
      id: 'msg_bench',
      type: 'message',
      role: 'assistant',
      model: this.#body.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usage(1),
    };
  }
}

function usage(outputTokens: number): object {
  return { input_tokens: INPUT_TOKENS, output_tokens: outputTokens };
}
