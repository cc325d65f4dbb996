/** Minimal HTTP/1.1 over a socket for making load: kept connections, one request at a time. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/** The bytes of a request, built once and sent often. */
export function requestBytes(
  port: number,
  path: string,
  headers: Record<string, string>,
  body: string,
): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** One connection. The next request must wait for the end of the previous one. */
export class Wire {
  readonly #socket: Socket;
  #pending: ((status: number) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #held: Buffer = Buffer.alloc(0);
  #status = 0;
  #inBody = false;
  /** Bytes left of the body. -1 for a chunked body. */
  #left = 0;
  /** Called when the head of an answer is complete. */
  onHead: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#read(data));
    const end = (): void => this.#fail?.(new Error('the connection was closed'));
    socket.on('error', end).on('close', end);
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject).once('connect', () => resolve(new Wire(socket)));
    });
  }

  /** Resolves with the status when the answer is complete. */
  send(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#pending = resolve;
      this.#fail = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    while (this.#step());
  }

  /** Parses the next part. Returns whether there may be more to parse. */
  #step(): boolean {
    if (!this.#inBody) return this.#readHead();
    if (this.#left >= 0) return this.#readSized();
    return this.#readChunk();
  }

  #readHead(): boolean {
    const end = this.#held.indexOf(HEAD_END);
    if (end < 0) return false;
    const head = this.#held.toString('latin1', 0, end).toLowerCase();
    this.#held = this.#held.subarray(end + 4);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/.exec(head);
    this.#left = length ? Number(length[1]) : -1;
    this.#inBody = true;
    this.onHead?.();
    return true;
  }

  #readSized(): boolean {
    if (this.#held.length < this.#left) return false;
    this.#held = this.#held.subarray(this.#left);
    this.#finish();
    return false;
  }

  #readChunk(): boolean {
    const line = this.#held.indexOf(LINE_END);
    if (line < 0) return false;
    const size = parseInt(this.#held.toString('latin1', 0, line), 16);
    const end = line + 2 + size + 2;
    if (this.#held.length < end) return false;
    this.#held = this.#held.subarray(end);
    if (size > 0) return true;
    this.#finish();
    return false;
  }

  #finish(): void {
    this.#inBody = false;
    const resolve = this.#pending;
    this.#pending = undefined;
    this.#fail = undefined;
    resolve?.(this.#status);
  }
}
