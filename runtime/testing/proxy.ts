import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';

/** An HTTP proxy that alone knows the hosts of a test, as in a company's network. */
export class TestProxy {
  /** Requests in their order: CONNECT and a host with its port, or a method and a whole URL. */
  readonly seen: string[] = [];
  /** Required value of proxy-authorization; undefined: none. */
  authorization: string | undefined;
  /** Answer instead of a tunnel or the host's answer. Silent: never answers. */
  answer: number | 'Silent' | undefined;
  /** Ports on this machine, by host and port as clients name them. */
  readonly #hosts = new Map<string, number>();
  readonly #server: ReturnType<typeof createServer>;
  readonly #open = new Set<Duplex>();
  readonly #scheme: string;

  constructor(tls?: TlsOptions) {
    const forward = (request: IncomingMessage, response: ServerResponse): void =>
      this.#forward(request, response);
    this.#scheme = tls ? 'https' : 'http';
    this.#server = tls ? createSecureServer(tls, forward) : createServer(forward);
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#tunnel(request, socket, head),
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Its URL. Another `host` of this machine serves to match a certificate. */
  url(host = '127.0.0.1'): string {
    return `${this.#scheme}://${host}:${this.port}`;
  }

  /** Maps a host, such as model.example.com:443, to the server with this URL. */
  knows(host: string, url: string): void {
    this.#hosts.set(host, Number(new URL(url).port));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #keep(socket: Duplex): void {
    this.#open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#open.delete(socket));
  }

  /** Status with which it refuses a request; undefined if it serves it. */
  #refusal({ headers }: IncomingMessage, known: boolean): TestProxy['answer'] {
    const { authorization } = this;
    if (authorization !== undefined && headers['proxy-authorization'] !== authorization) return 407;
    return this.answer ?? (known ? undefined : 502);
  }

  #tunnel(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const host = request.url!;
    this.seen.push(`CONNECT ${host}`);
    const port = this.#hosts.get(host);
    const refusal = this.#refusal(request, port !== undefined);
    if (refusal === 'Silent') return;
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const far = connect(port!, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      far.pipe(socket);
      socket.pipe(far);
    });
    this.#keep(far);
    socket.on('close', () => far.destroy());
    far.on('close', () => socket.destroy());
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = '' } = request;
    this.seen.push(`${method} ${url}`);
    const { hostname, port, pathname, search } = new URL(url, 'http://no.host');
    const to = this.#hosts.get(`${hostname}:${port || 80}`);
    const refusal = this.#refusal(request, to !== undefined);
    if (refusal === 'Silent') return;
    if (refusal !== undefined) return void response.writeHead(refusal).end();
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const path = `${pathname}${search}`;
    const far = httpRequest({ host: '127.0.0.1', port: to, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    far.on('error', () => response.destroy());
    request.pipe(far);
  }
}
