import {
  brotliDecompressSync,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';
import { parseJson } from '../../json/parsed.ts';
import { ZSTD } from '../transport/decoder.ts';
import { headerValue } from '../transport/headers.ts';
import type { RawHeaders } from '../transport/headers.ts';

/** Largest error answer to read, decoded, in bytes. */
const MAX_BYTES = 1024 * 1024;

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Buffer;

/** The low half of the first byte of zlib data (RFC 1950). Some servers send deflate without that header. */
const ZLIB_METHOD = 0x08;

const DECODERS: Record<string, Decoder> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: (body, options) =>
    ((body[0] ?? 0) & 0x0f) === ZLIB_METHOD
      ? inflateSync(body, options)
      : inflateRawSync(body, options),
  br: brotliDecompressSync,
  zstd: (body, options) => zstdDecompressSync(body, { ...options, ...ZSTD }),
};

/** The JSON of an error answer, whatever its content-encoding; undefined for one that cannot be read. */
export function errorBody(headers: RawHeaders, body: Buffer): unknown {
  const encoding = headerValue(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  const decode = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  try {
    const decoded = decode ? decode(body, { maxOutputLength: MAX_BYTES }) : body;
    return parseJson(decoded.toString('utf8'));
  } catch {
    return undefined;
  }
}
