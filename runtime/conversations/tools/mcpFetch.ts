import { setTimeout as delay } from 'node:timers/promises';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface McpFetchDeps {
  fetch: Fetch;
  /** The HTTP answer to a request is over, and the request has no answer. */
  onUnanswered: (id: RequestId) => void;
}

/** Least time between two requests for notifications, in milliseconds: the server says when the SDK asks again. */
const LISTEN_MS = 1000;
/** Time for the SDK to read the end of an answer, in milliseconds. */
const READ_MS = 100;

/** How a client of the SDK sends requests. Finds those that the server never answers, for which the SDK would wait. */
export class McpFetch {
  readonly #deps: McpFetchDeps;
  readonly #open = new Set<RequestId>();
  #listenedAt = -Infinity;

  constructor(deps: McpFetchDeps) {
    this.#deps = deps;
  }

  readonly fetch: Fetch = async (url, init = {}) => {
    if (init.method === 'GET') await this.#pace(init.signal ?? undefined);
    const id = requestIn(init.body);
    if (id === undefined) return this.#deps.fetch(url, init);
    this.#open.add(id);
    try {
      const answer = await this.#deps.fetch(url, init);
      if (!answer.ok) this.#open.delete(id);
      return answer.ok ? watched(answer, (resumes) => this.#over(id, resumes)) : answer;
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  };

  /** Notes a message of the server. */
  received(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) this.#open.delete(message.id);
  }

  async #pace(signal: AbortSignal | undefined): Promise<void> {
    const waitMs = this.#listenedAt + LISTEN_MS - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal });
    this.#listenedAt = performance.now();
  }

  /** The HTTP answer is over. `resumes`: another one may bring the rest. */
  #over(id: RequestId, resumes: boolean): void {
    if (resumes) this.#open.delete(id);
    if (!this.#open.has(id)) return;
    setTimeout(() => {
      if (this.#open.delete(id)) this.#deps.onUnanswered(id);
    }, READ_MS);
  }
}

/** Id of the request in a body; undefined for a notification. */
function requestIn(body: RequestInit['body']): RequestId | undefined {
  if (typeof body !== 'string') return undefined;
  const { id, method } = JSON.parse(body) as { id?: RequestId; method?: string };
  return method === undefined ? undefined : id;
}

/** The same answer. Reports its end, and whether an event of it has an id, from which another stream can go on. */
function watched(answer: Response, onOver: (resumes: boolean) => void): Response {
  const { body, status, statusText, headers } = answer;
  const text = new TextDecoder('latin1');
  let line = '\n';
  let resumes = false;
  const over = (): void => onOver(resumes);
  if (!body) {
    over();
    return answer;
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const same = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          over();
          return;
        }
        line += text.decode(value);
        resumes ||= EVENT_ID.test(line);
        line = line.slice(-EVENT_ID_LENGTH);
        controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        over();
      }
    },
    cancel: async (reason) => {
      over();
      await reader.cancel(reason);
    },
  });
  return new Response(same, { status, statusText, headers });
}

const EVENT_ID = /[\r\n]id:/;
const EVENT_ID_LENGTH = 3;
