import { describe, expect, it } from '@jest/globals';
import { deflateSync, gunzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { promisify } from 'node:util';
import { decodedBody } from './decoder.ts';

const SIZE = 1024 * 1024;
const inflate = promisify(gunzip);
const LONGER = gzipSync(Buffer.alloc(SIZE));

it.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['zstd', zstdCompressSync],
])('a body of %s decodes no further while its reader has no room', async (encoding, compress) => {
  let full = false;
  let bytes = 0;
  let overrun = 0;
  const body = decodedBody(encoding, { take: () => true }, (decoded) => {
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

describe('the window of a decoder', () => {
  const LARGE = Buffer.alloc(24 * SIZE, 'window');

  it.each([
    ['gzip', gzipSync, 32 * 1024],
    ['deflate', deflateSync, 32 * 1024],
    ['zstd', zstdCompressSync, 8 * SIZE],
  ])('of %s counts as far as it is filled', async (encoding, compress, window) => {
    for (const [decoded, counted] of [
      [1000, 1000],
      [LARGE.length, window],
    ] as const) {
      let taken = 0;
      const account = {
        take: (bytes: number) => {
          taken += bytes;
          return true;
        },
      };
      const body = decodedBody(encoding, account, () => undefined)!;
      await body.push(compress(LARGE.subarray(0, decoded)));
      expect([await body.end(), taken]).toEqual([true, counted]);
    }
  });

  it('ends the body where the account does not bear it', async () => {
    let decoded = 0;
    const account = { take: () => decoded < SIZE };
    const body = decodedBody('zstd', account, (bytes) => {
      decoded += bytes.length;
      return undefined;
    })!;
    await body.push(zstdCompressSync(LARGE));
    expect([await body.end(), body.refused, body.broken]).toEqual([false, true, false]);
    expect(decoded).toBeLessThan(2 * SIZE);
  });
});
