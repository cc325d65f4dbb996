import { Duplex } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import type { ClusterConfig } from './config.ts';
import { ConnectionError } from './errors.ts';

/** A port of a pod. */
export interface PodPort {
  namespace: string;
  /** Name of the pod. */
  name: string;
  port: number;
}

/** Subprotocol of the WebSocket. Each message begins with the number of its channel. */
const PROTOCOL = 'v4.channel.k8s.io';
const DATA = 0;
/** The first message of each channel has the port in two bytes. */
const PREFIX_BYTES = 2;
const OPENING_MS = 10_000;

/** What the API server's answer to the upgrade means. */
function refusal(message: string, namespace: string): string {
  return /^Unexpected server response: 403$/.test(message)
    ? `the user may not create pods/portforward in namespace ${namespace}. The cluster role edit includes it, view does not.`
    : message;
}

/**
 * A connection to a port of a pod through the API server, like kubectl port-forward: for a process that cannot reach
 * pods' addresses. Its user needs `get` and `create` on pods/portforward. Bytes that are written early wait until the
 * connection is open.
 */
export class ForwardedPort extends Duplex {
  readonly #config: ClusterConfig;
  readonly #pod: PodPort;
  readonly #begun = new Set<number>();
  #socket: WebSocket | undefined;

  constructor(config: ClusterConfig, pod: PodPort) {
    super();
    this.#config = config;
    this.#pod = pod;
  }

  override _construct(callback: (error?: Error) => void): void {
    this.#open().then(() => callback(), callback);
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error) => void): void {
    this.#socket!.send(Buffer.concat([Buffer.of(DATA), chunk]), callback);
  }

  override _final(callback: () => void): void {
    this.#socket!.close();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket?.terminate();
    callback(error);
  }

  async #open(): Promise<void> {
    const { server } = this.#config;
    const { tls, headers } = await this.#config.credentials();
    const { namespace, name, port } = this.#pod;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/portforward?ports=${port}`;
    const socket = new WebSocket(`${server.replace(/^http/, 'ws')}${path}`, [PROTOCOL], {
      ...tls,
      headers,
      perMessageDeflate: false,
      handshakeTimeout: OPENING_MS,
    });
    this.#socket = socket;
    socket.on('message', (data) => this.#received(data));
    return new Promise((resolve, reject) => {
      socket.on('open', () => {
        socket.on('close', () => this.push(null));
        resolve();
      });
      socket.on('error', (error) => {
        const failure = this.#failure(refusal(error.message, namespace), error);
        reject(failure);
        this.destroy(failure);
      });
    });
  }

  /** With its default binaryType, ws passes one Buffer. */
  #received(data: RawData): void {
    const message = data as Buffer;
    const [channel = DATA] = message;
    const bytes = message.subarray(this.#begun.has(channel) ? 1 : 1 + PREFIX_BYTES);
    this.#begun.add(channel);
    if (bytes.length === 0) return;
    if (channel !== DATA) this.destroy(this.#failure(bytes.toString()));
    else if (!this.push(bytes)) this.#socket?.pause();
  }

  #failure(message: string, cause?: Error): ConnectionError {
    const { namespace, name, port } = this.#pod;
    return new ConnectionError(`Port ${port} of pod ${namespace}/${name}: ${message}`, cause);
  }
}
