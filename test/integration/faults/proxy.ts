import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Agent } from 'undici';
import type { ClusterConfig } from '../../../operator/kube/index.ts';

/** A request through the proxy. */
export interface Seen {
  /** Time of its arrival, by performance.now. */
  at: number;
  method: string;
  path: string;
  query: URLSearchParams;
  /** A list is a GET of a collection. A call is any other request that is no watch. */
  kind: 'list' | 'watch' | 'call';
}

/** The fault for a request. Absent: none. */
export type Fault =
  /** Answers instead of the API server. */
  | { kind: 'answer'; status: number; body: object; headers?: Record<string, string> }
  /** Resets the connection before an answer. */
  | { kind: 'reset' }
  /** Accepts the request and never answers, like a dead host. */
  | { kind: 'silence' }
  /** Transforms the bytes of the answer. If it throws, the connection is reset. */
  | { kind: 'shape'; shape: Shape };

export type Shape = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/**
 * A proxy between a client and the API server. It breaks connections as networks, load balancers and servers do. It serves
 * plain HTTP, so that a test can cut answers at any byte.
 */
export class FaultProxy implements AsyncDisposable {
  readonly seen: Seen[] = [];
  /** Decides on the fault for each request. */
  fault: (request: Seen) => Fault | undefined = () => undefined;
  /** May change a request before it is forwarded. */
  rewrite: (request: Seen) => void = () => undefined;
  readonly #server: Server;
  readonly #upstream: Agent;
  readonly #origin: string;
  readonly #sockets = new Set<Socket>();
  readonly #frozen = new Set<Socket>();

  private constructor(server: Server, upstream: Agent, origin: string) {
    this.#server = server;
    this.#upstream = upstream;
    this.#origin = origin;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#pass(request, response).catch(() => reset(response.socket));
    });
  }

  /** Starts a proxy for the API server of `config`. It uses these credentials for all clients. */
  static async start(config: ClusterConfig): Promise<FaultProxy> {
    const { tls } = await config.credentials();
    const upstream = new Agent({ connect: tls, bodyTimeout: 0, headersTimeout: 0 });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, upstream, config.server);
  }

  /** Its address for clients. */
  get config(): ClusterConfig {
    const { port } = this.#server.address() as AddressInfo;
    return {
      server: `http://127.0.0.1:${port}`,
      namespace: 'default',
      credentials: () => Promise.resolve({ tls: {}, headers: {} }),
    };
  }

  /** Number of requests of a kind. */
  count(kind: Seen['kind']): number {
    return this.seen.filter((request) => request.kind === kind).length;
  }

  /** Resets all open connections. */
  resetAll(): void {
    for (const socket of this.#sockets) reset(socket);
  }

  /** Keeps all open connections silent. New ones work. */
  freezeAll(): void {
    for (const socket of this.#sockets) this.#frozen.add(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fault = () => undefined;
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#upstream.destroy();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const seen = describe(request);
    this.seen.push(seen);
    if (this.#frozen.has(request.socket)) return;
    const fault = this.fault(seen);
    if (fault === undefined || fault.kind === 'shape') {
      return this.#forward(request, response, seen, body, fault?.shape);
    }
    if (fault.kind === 'reset') return reset(response.socket);
    if (fault.kind === 'silence') return;
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    response.end(JSON.stringify(fault.body));
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    seen: Seen,
    body: string,
    shape: Shape = (bytes) => bytes,
  ): Promise<void> {
    this.rewrite(seen);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await this.#upstream.request({
      origin: this.#origin,
      path: `${seen.path}?${seen.query.toString()}`,
      method: seen.method,
      headers: {
        accept: 'application/json',
        'content-type': request.headers['content-type'] ?? 'application/json',
      },
      ...(body !== '' && { body }),
      signal: gone.signal,
    });
    response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
    response.flushHeaders();
    for await (const chunk of shape(answer.body)) {
      if (!this.#frozen.has(request.socket)) await written(response, chunk);
    }
    if (!this.#frozen.has(request.socket)) response.end();
  }
}

function describe(request: IncomingMessage): Seen {
  const { pathname, searchParams } = new URL(request.url!, 'http://proxy');
  const method = request.method!;
  const collection = method === 'GET' && searchParams.has('limit');
  const kind = searchParams.get('watch') === 'true' ? 'watch' : collection ? 'list' : 'call';
  return { at: performance.now(), method, path: pathname, query: searchParams, kind };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

function reset(socket: Socket | null): void {
  if (socket && !socket.destroyed) socket.resetAndDestroy();
}

function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => response.write(chunk, () => resolve()));
}
