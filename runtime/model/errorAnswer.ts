import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
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
  const { type, message } = parsed(body, DECODERS[encoding]);
  return { type: text(type), message: text(message) };
}

function parsed(
  body: Buffer,
  decode: (typeof DECODERS)[string] | undefined,
): { type?: unknown; message?: unknown } {
  try {
    const plain = decode ? decode(body, { maxOutputLength: MAX_BYTES }) : body;
    const value = JSON.parse(plain.toString('utf8')) as { error?: unknown } | null;
    const error = value?.error;
    return typeof error === 'object' && error !== null ? error : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
