import { constants, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Transform } from 'node:stream';
import type { ByteAccount } from '../../resilience/byteBudget.ts';

/** Decodes a body's content-encoding. */
export interface DecodedBody {
  /** Whether the account does not bear its window; nothing is decoded after that. */
  readonly refused: boolean;
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

/** Largest windows of decoders, which hold what was decoded last, in bytes. */
const ZSTD_WINDOW_BYTES = 8 * 1024 * 1024;
const GZIP_WINDOW_BYTES = 32 * 1024;

/**
 * Gives the decoded bytes to `take`, which returns as `push` does. Clients usually ask for gzip, and an
 * overloaded_error inside a compressed answer must count like any other. The account bears the decoder's window, as
 * far as bytes have come. Undefined for an unknown encoding, such as br: its decoder fills 16 MiB from 80 bytes.
 */
export function decodedBody(
  encoding: string | undefined,
  account: Pick<ByteAccount, 'take'>,
  take: (bytes: Buffer) => Promise<void> | undefined,
): DecodedBody | undefined {
  const name = (encoding ?? '').trim().toLowerCase();
  const decoder = decoderFor(name);
  if (decoder === 'identity')
    return { broken: false, refused: false, push: take, end: () => true, stop: () => undefined };
  if (decoder === 'unknown') return undefined;
  const bytes = name === 'zstd' ? ZSTD_WINDOW_BYTES : GZIP_WINDOW_BYTES;
  const window = new Window(bytes, account);
  return new DecodingBody(decoder, window, take);
}

/** What a decoder keeps of the bytes that it has decoded. */
class Window {
  #left: number;
  readonly #account: Pick<ByteAccount, 'take'>;

  constructor(bytes: number, account: Pick<ByteAccount, 'take'>) {
    this.#left = bytes;
    this.#account = account;
  }

  /** Whether the account bears further bytes. */
  bears(bytes: number): boolean {
    const grown = Math.min(bytes, this.#left);
    this.#left -= grown;
    return grown === 0 || this.#account.take(grown);
  }
}

class DecodingBody implements DecodedBody {
  broken = false;
  refused = false;
  readonly #decoder: Transform;
  readonly #ended: Promise<boolean>;
  /** Room after the last bytes taken. */
  #room: Promise<void> | undefined;
  /** Ends the wait for the last chunk, because a failing decoder calls nothing back. */
  #pushed: () => void = () => undefined;

  constructor(
    decoder: Transform,
    window: Window,
    take: (bytes: Buffer) => Promise<void> | undefined,
  ) {
    this.#decoder = decoder;
    this.#ended = new Promise<boolean>((resolve) => {
      const over = (whole: boolean): void => {
        this.#pushed();
        resolve(whole);
      };
      decoder.on('data', (bytes: Buffer) => {
        this.refused ||= !window.bears(bytes.length);
        if (this.refused) return void decoder.destroy();
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

function decoderFor(encoding: string): Transform | 'identity' | 'unknown' {
  switch (encoding) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'zstd':
      return createZstdDecompress(ZSTD);
    default:
      return 'unknown';
  }
}
