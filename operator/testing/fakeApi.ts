import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClusterConfig } from '../kube/config.ts';

/** A request that the server received. */
export interface Received {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** Answers a request. A watch keeps the response open. */
export type Answer = (response: ServerResponse, request: Received) => void;

/**
 * Stands in for the API server in tests of faults. It gives the answers of a script in turn, and leaves requests after
 * its end unanswered.
 */
export class FakeApi implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #answers: Answer[] = [];
  readonly #server: Server;
  readonly #arrived = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
  }

  static async start(): Promise<FakeApi> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeApi(server);
  }

  /** A client reads its credentials for each request: `token` counts up from 1. */
  get config(): ClusterConfig {
    const { port } = this.#server.address() as AddressInfo;
    let token = 1;
    return {
      server: `http://127.0.0.1:${port}`,
      namespace: 'default',
      credentials: (refresh) => {
        if (refresh) token += 1;
        return Promise.resolve({ tls: {}, headers: { authorization: `Bearer ${token}` } });
      },
    };
  }

  /** Adds answers to the script. */
  script(...answers: Answer[]): void {
    this.#answers.push(...answers);
  }

  /** Resolves when the server has received `count` requests since its start. */
  async requests(count: number): Promise<Received[]> {
    while (this.received.length < count) {
      await new Promise<void>((resolve) => this.#arrived.add(resolve));
    }
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url!, 'http://server');
    const received: Received = {
      method: request.method!,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.received.push(received);
    this.#answers.shift()?.(response, received);
    for (const arrived of this.#arrived) arrived();
    this.#arrived.clear();
  }
}

export function json(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** An error with the API server's Status as its body. */
export function refusal(status: number, reason: string, headers?: Record<string, string>): Answer {
  const body = { kind: 'Status', code: status, reason, message: `refused: ${reason}` };
  return json(status, body, headers);
}

export function list(resourceVersion: string, ...items: object[]): Answer {
  return json(200, { metadata: { resourceVersion }, items });
}

/** A watch with these events. `end` then gets the response; by default it stays open. */
export function watch(events: object[], end?: (response: ServerResponse) => void): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    if (!end) response.write(text);
    else response.write(text, () => end(response));
  };
}
