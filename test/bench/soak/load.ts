/** Clients of the soak: a steady rate of requests of all kinds, each with one of many keys of a limit. */
import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

/** Keys of the limit. Each request has the next one. */
export const KEYS = 50_000;
/** Messages of one conversation. */
const MESSAGES = 5;
/** A busy machine delays requests, instead of sending more at a time than the agent takes. */
const MOST_IN_FLIGHT = 64;
/** Kinds of requests, in turn. */
const TURNS = [
  ...['Plain', 'Streamed', 'Conversation', 'Plain', 'Aborted'],
  ...['Streamed', 'Plain', 'Conversation', 'Streamed', 'Aborted'],
] as const;

type Kind = (typeof TURNS)[number];

export interface Counts {
  sent: number;
  done: number;
  /** Answers that are not whole, by status or error code. */
  errors: Record<string, number>;
}

/** Keeps its connections, and makes one for each aborted request, whose end closes it. */
export class Load {
  readonly counts: Counts = { sent: 0, done: 0, errors: {} };
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #headers: Record<string, string>;
  #conversation: { id: string; left: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, headers: Record<string, string>) {
    this.#port = port;
    this.#headers = { 'content-type': 'application/json', ...headers };
  }

  start(perSecond: number): void {
    const begun = performance.now();
    const before = this.counts.sent;
    this.#timer = setInterval(() => {
      const due = before + ((performance.now() - begun) / 1000) * perSecond;
      const { counts } = this;
      while (counts.sent < due && counts.sent - counts.done < MOST_IN_FLIGHT) void this.#next();
    }, 5);
  }

  /** Resolves when all requests have ended. */
  async pause(): Promise<void> {
    clearInterval(this.#timer);
    while (this.counts.done < this.counts.sent) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #next(): Promise<void> {
    const number = this.counts.sent;
    this.counts.sent += 1;
    const kind = TURNS[number % TURNS.length]!;
    try {
      await this.#ask(kind, number);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const name = `${kind} ${code ?? message}`;
      this.counts.errors[name] = (this.counts.errors[name] ?? 0) + 1;
    }
    this.counts.done += 1;
  }

  async #ask(kind: Kind, number: number): Promise<void> {
    const key = `user-${number % KEYS}`;
    if (kind === 'Conversation') return this.#converse(key, number);
    const streamed = kind !== 'Plain';
    const body = {
      ...{ model: 'claude-soak', max_tokens: 1024, stream: streamed },
      ...(kind === 'Aborted' && { hold: true }),
      messages: [{ role: 'user', content: `Summarise ticket ${number}. `.repeat(20) }],
    };
    const text = await this.#send('/v1/messages', key, body, kind === 'Aborted');
    if (streamed && kind !== 'Aborted' && !text.includes('event: message_stop')) {
      throw new Error('incomplete');
    }
  }

  /** Begins a conversation, or goes on with the last one. */
  async #converse(key: string, number: number): Promise<void> {
    const current = this.#conversation;
    this.#conversation = undefined;
    if (!current || current.left === 0) {
      const { id } = JSON.parse(await this.#send('/v1/conversations', key, {})) as { id: string };
      this.#conversation = { id, left: MESSAGES };
      return;
    }
    const content = `And ticket ${number}?`;
    const stream = number % 4 === 0;
    await this.#send(`/v1/conversations/${current.id}/messages`, key, { content, stream });
    this.#conversation = { id: current.id, left: current.left - 1 };
  }

  #send(path: string, key: string, body: object, abort = false): Promise<string> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = request({
        ...{ host: '127.0.0.1', port: this.#port, method: 'POST', path },
        agent: abort ? false : this.#agent,
        headers: {
          ...this.#headers,
          'x-user-id': key,
          'content-length': Buffer.byteLength(text),
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        if (Math.floor(response.statusCode! / 100) !== 2) {
          response.resume();
          const reason = response.headers['x-breakwater-reason'];
          return reject(new Error([response.statusCode, reason].join(' ')));
        }
        if (!abort) return void wholeText(response).then(resolve, reject);
        response.once('data', () => {
          response.on('error', () => undefined);
          sent.off('error', reject).on('error', () => undefined);
          sent.destroy();
          resolve('');
        });
      });
      sent.end(text);
    });
  }
}

async function wholeText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
