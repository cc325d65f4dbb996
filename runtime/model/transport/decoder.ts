import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';
import type { Transform } from 'node:stream';

/** Decodes a body's content-encoding. */
export interface DecodedBody {
  /** Whether the encoding is invalid; nothing is decoded after that. */
  readonly broken: boolean;
  /** Undefined: there is room for more; else resolves when there is. */
  push(chunk: Buffer): Promise<void> | undefined;
  /** Ends the body. Whether the encoding was complete; a promise if decoding still runs. */
  end(): boolean | Promise<boolean>;
  /** Decodes no more. */
  stop(): void;
}

/** Largest window of zstd, which a decoder allocates at once: 8 MiB, the most that HTTP allows (RFC 9659). */
export const ZSTD = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/**
 * Gives the decoded bytes to `take`, which returns as `push` does. Clients usually ask for gzip, and an
 * overloaded_error inside a compressed answer must count like any other. Undefined for an unknown encoding.
 */
export function decodedBody(
  encoding: string | undefined,
  take: (bytes: Buffer) => Promise<void> | undefined,
): DecodedBody | undefined {
  const decoder = decoderFor(encoding);
  if (decoder === 'identity')
    return { broken: false, push: take, end: () => true, stop: () => undefined };
  return decoder === 'unknown' ? undefined : new DecodingBody(decoder, take);
}

class DecodingBody implements DecodedBody {
  broken = false;
  readonly #decoder: Transform;
  readonly #ended: Promise<boolean>;
  /** Room after the last bytes taken. */
  #room: Promise<void> | undefined;
  /** Ends the wait for the last chunk, because a failing decoder calls nothing back. */
  #pushed: () => void = () => undefined;

  constructor(decoder: Transform, take: (bytes: Buffer) => Promise<void> | undefined) {
    this.#decoder = decoder;
    this.#ended = new Promise<boolean>((resolve) => {
      const over = (whole: boolean): void => {
        this.#pushed();
        resolve(whole);
      };
      decoder.on('data', (bytes: Buffer) => {
        this.#room = take(bytes);
        if (this.#room) this.#waitFor(this.#room);
      });
      decoder.once('end', () => over(true));
      decoder.once('close', () => over(false));
      decoder.once('error', () => {
        this.broken = true;
        over(false);
      });
    });
  }

  push(chunk: Buffer): Promise<void> | undefined {
    if (this.#decoder.destroyed || this.#decoder.readableEnded) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pushed = () => resolve(this.#room);
    this.#decoder.write(chunk, this.#pushed);
    return promise;
  }

  /** A chunk can decode to a thousand times its bytes. */
  #waitFor(room: Promise<void>): void {
    this.#decoder.pause();
    const goOn = (): void => void this.#decoder.resume();
    room.then(goOn, goOn);
  }

  end(): Promise<boolean> {
    if (!this.#decoder.destroyed) this.#decoder.end();
    return this.#ended;
  }

  stop(): void {
    this.#decoder.destroy();
  }
}

function decoderFor(encoding: string | undefined): Transform | 'identity' | 'unknown' {
  switch ((encoding ?? '').trim().toLowerCase()) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress(ZSTD);
    default:
      return 'unknown';
  }
}
