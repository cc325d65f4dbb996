import { expect, it } from '@jest/globals';
import { brotliCompressSync, deflateSync, gunzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { promisify } from 'node:util';
import { decodedBody } from './decoder.ts';

const SIZE = 1024 * 1024;
const inflate = promisify(gunzip);
const LONGER = gzipSync(Buffer.alloc(SIZE));

it.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
])('a body of %s decodes no further while its reader has no room', async (encoding, compress) => {
  let full = false;
  let bytes = 0;
  let overrun = 0;
  const body = decodedBody(encoding, (decoded) => {
    if (full) overrun += decoded.length;
    full = true;
    bytes += decoded.length;
    // Takes the thread pool longer than the next piece of the body.
    return inflate(LONGER).then(() => {
      full = false;
    });
  })!;
  await body.push(compress(Buffer.alloc(SIZE)));
  expect([await body.end(), bytes, overrun]).toEqual([true, SIZE, 0]);
});
