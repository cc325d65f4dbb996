import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { memberOf, parseJson, stringMember } from '../json/parsed.ts';
import type { HeldAnswer } from './attempt/attempt.ts';
import { headerValue } from './transport/headers.ts';

/** Largest error answer to parse, in bytes. */
const MAX_BYTES = 1024 * 1024;

const DECODERS: Record<string, (body: Buffer, options: { maxOutputLength: number }) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Type and message of an error in the format of the Messages API; empty where the answer has none. */
export function errorOf({ headers, body }: HeldAnswer): { type: string; message: string } {
  const encoding = headerValue(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  const error = memberOf(parseJson(decoded(body, encoding)), 'error');
  return { type: stringMember(error, 'type'), message: stringMember(error, 'message') };
}

/** Empty for a body that cannot be decoded. */
function decoded(body: Buffer, encoding: string): string {
  const decode = DECODERS[encoding];
  try {
    return (decode ? decode(body, { maxOutputLength: MAX_BYTES }) : body).toString('utf8');
  } catch {
    return '';
  }
}
