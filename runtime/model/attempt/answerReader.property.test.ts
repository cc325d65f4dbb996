import { describe, expect, it } from '@jest/globals';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from '../../../test/property.ts';
import { MESSAGE } from '../../testing/upstream.ts';
import { messageReader } from './answerReader.ts';
import type { Judgement } from '../../protocols/protocol.ts';
import { UsageMeter } from '../../protocols/anthropicAnswer.ts';

const ENCODERS: Record<string, (bytes: Buffer) => Buffer> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};
const encoding = fc.constantFrom(...Object.keys(ENCODERS));
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

/** What the reader says of the bytes that come in these chunks. */
async function judge(bytes: Buffer, at: number[], how?: string): Promise<Judgement> {
  const attempt = { meter: new UsageMeter(), expected: 'Message' } as const;
  const reader = messageReader(how, attempt, 1024 * 1024, { take: () => true });
  const ends = at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    await reader.push(bytes.subarray(from, end));
    from = end;
  }
  return reader.end();
}

const isFailure = ({ outcome, errorStatus }: Judgement): boolean =>
  outcome.vote === 'failure' || errorStatus !== undefined;

describe('the answer reader', () => {
  it('accepts a message, however its bytes are cut and encoded', async () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 200 });
    const property = fc.asyncProperty(texts, cuts, encoding, async (text, at, how) => {
      const message = { ...MESSAGE, content: [{ type: 'text', text }] };
      const bytes = ENCODERS[how]!(Buffer.from(JSON.stringify(message)));
      expect(await judge(bytes, at, how)).toEqual({ outcome: { vote: 'ok' } });
    });
    await fc.assert(property);
  });

  it('refuses any part of a message', async () => {
    const property = fc.asyncProperty(fc.nat(), cuts, encoding, async (length, at, how) => {
      const whole = ENCODERS[how]!(Buffer.from(JSON.stringify(MESSAGE)));
      // The checksum at the end of an encoding may be missing without a loss.
      const part = whole.subarray(0, length % (whole.length - 12));
      expect(isFailure(await judge(part, at, how))).toBe(true);
    });
    await fc.assert(property);
  });

  it('refuses random bytes, with the same result for any cuts', async () => {
    const property = fc.asyncProperty(garbage, cuts, encoding, async (bytes, at, how) => {
      const judged = await judge(bytes, at, how);
      expect(isFailure(judged)).toBe(true);
      expect(judged).toEqual(await judge(bytes, [], how));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('refuses other JSON', async () => {
    const property = fc.asyncProperty(fc.jsonValue(), cuts, async (value, at) => {
      const bytes = Buffer.from(JSON.stringify(value));
      expect(isFailure(await judge(bytes, at))).toBe(true);
    });
    await fc.assert(property);
  });
});
