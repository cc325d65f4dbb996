import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Slices that a connection gives to the parser before others have their turn. */
const SLICES_AT_ONCE = 64;

const BLANK_LINE = '\r\n\r\n';

/**
 * Gives the bytes of a connection to the parser up to the end of one request, and those after it when that request is
 * answered; until then they stay unread. Node parses all that a read brought: 64 KiB are 3,600 requests at once.
 *
 * The parser alone decides where a request ends. A slice that ended elsewhere would only be parsed earlier or later.
 */
export class Turns {
  readonly #socket: Socket;
  /** Node's own listener, which gives bytes to the parser. */
  readonly #parse: (bytes: Buffer) => void;
  #held: Buffer | undefined;
  /** What may belong to a blank line of the bytes last parsed. */
  #tail = '';
  #request: IncomingMessage | undefined;
  /** Bytes of the body that the parser lacks by `content-length`; 0: unknown or none. */
  #bodyBytes = 0;
  #paused = false;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const [parse] = socket.listeners('data');
    this.#parse = parse as (bytes: Buffer) => void;
    socket.off('data', this.#parse);
    socket.on('data', this.#onData);
    socket.on('resume', this.#onResume);
  }

  begin(request: IncomingMessage): void {
    this.#request = request;
    this.#bodyBytes = Number(request.headers['content-length'] ?? 0);
  }

  /** The answer to the request is out. The next request waits for another turn of the loop. */
  end(request: IncomingMessage): void {
    if (this.#request !== request) return;
    this.#request = undefined;
    if (this.#held) this.#schedule();
  }

  /** Leaves the connection to the protocol that it was upgraded to. */
  release(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('resume', this.#onResume);
    if (this.#held) this.#socket.unshift(this.#held);
    this.#held = undefined;
    this.#paused = false;
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#held = this.#held ? Buffer.concat([this.#held, bytes]) : bytes;
    if (!this.#scheduled) this.#feed();
  };

  /** Node resumes when a request is complete, whether its answer is out or not. */
  readonly #onResume = (): void => {
    if (this.#held) this.#socket.pause();
  };

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#feed();
    });
  }

  #feed(): void {
    for (let slices = 0; this.#mayParse(); slices += 1) {
      if (slices === SLICES_AT_ONCE) {
        this.#schedule();
        break;
      }
      this.#parse(this.#slice());
    }
    // The parser of a closed connection may already serve another one.
    if (!this.#socket.writable) this.#held = undefined;
    this.#flow();
  }

  #flow(): void {
    if (this.#held) {
      this.#socket.pause();
      this.#paused = true;
    } else if (this.#paused) {
      this.#socket.resume();
      this.#paused = false;
    }
  }

  #mayParse(): boolean {
    return this.#held !== undefined && this.#socket.writable && this.#request?.complete !== true;
  }

  /** To the end of the body where its length is known, otherwise to a blank line: heads and chunked bodies end by one. */
  #slice(): Buffer {
    const held = this.#held!;
    const end = this.#bodyBytes > 0 ? this.#bodyBytes : this.#pastBlankLine(held);
    this.#bodyBytes = Math.max(0, this.#bodyBytes - held.length);
    this.#held = end < held.length ? held.subarray(end) : undefined;
    return held.subarray(0, end);
  }

  #pastBlankLine(held: Buffer): number {
    const seam = this.#tail + held.toString('latin1', 0, 3);
    const atSeam = seam.indexOf(BLANK_LINE);
    const start = atSeam < 0 ? held.indexOf(BLANK_LINE) : atSeam - this.#tail.length;
    const found = atSeam >= 0 || start >= 0;
    this.#tail = found ? '' : (this.#tail + held.toString('latin1', held.length - 3)).slice(-3);
    return found ? start + BLANK_LINE.length : held.length;
  }
}
