import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';
import type { Transform } from 'node:stream';

/**
 * A decoder for the copy of an answer that is watched. Clients usually ask for gzip, and an
 * overloaded_error inside a compressed stream must count like any other; the client still gets
 * the endpoint's own bytes.
 */
export function decoderFor(encoding: string | undefined): Transform | 'identity' | 'unknown' {
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
      return createZstdDecompress();
    default:
      return 'unknown';
  }
}
