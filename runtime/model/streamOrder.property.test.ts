import { describe, expect, it } from '@jest/globals';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from '../../test/property.ts';
import { STREAM, sse } from '../testing/upstream.ts';
import { virtualModel } from '../testing/virtualModel.ts';
import type { Script } from '../testing/virtualModel.ts';

const ENCODERS: Record<string, (body: Buffer) => Buffer> = {
  identity: (body) => body,
  gzip: gzipSync,
  zstd: zstdCompressSync,
  deflate: deflateSync,
};

const ERRORS = [
  ...['overloaded_error', 'api_error', 'rate_limit_error', 'timeout_error', 'of_tomorrow'],
  ...['authentication_error', 'billing_error', 'invalid_request_error'],
];
const error = fc
  .constantFrom(...ERRORS)
  .map((type) => sse('error', { error: { type, message: 'no' } }));
/** Everything that a provider may send, in any order. */
const events = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...STREAM) },
    { weight: 2, arbitrary: error },
    fc.constantFrom(sse('ping'), ': comment\n\n', '\n\n', sse('of_tomorrow', { x: 1 })),
    fc.constantFrom('event: message_delta\ndata: {{{\n\n', 'event: message_stop\n\n'),
  ),
  { maxLength: 12 },
);

const timeouts = { connectMs: 1000, requestMs: 20_000, firstTokenMs: 2000, streamIdleMs: 2000 };
const retry = { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 100 };
const WHOLE = STREAM.join('');
const FINE: Script = {
  ...{ headMs: 0, headers: ['content-type', 'text/event-stream'], body: [[0, WHOLE]], endMs: 0 },
};

/** Whole events of the Messages API, with data that is JSON. */
function readable(text: string): boolean {
  if (text !== '' && !text.endsWith('\n\n')) return false;
  return (text.match(/^data: .*$/gm) ?? []).every((line) => {
    JSON.parse(line.slice('data: '.length));
    return true;
  });
}

describe('a stream, whatever the order of its events, its encoding and its end,', () => {
  it('reaches the client from its content on, or another endpoint serves', async () => {
    const property = fc.asyncProperty(
      events,
      fc.constantFrom(...Object.keys(ENCODERS)),
      fc.nat(),
      fc.constantFrom('End', 'Break', 'Silence'),
      fc.boolean(),
      async (sent, encoding, cut, ending, whole) => {
        const text = sent.join('');
        const bytes = ENCODERS[encoding]!(Buffer.from(text));
        const body = whole ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
        const script: Script = {
          headMs: 0,
          headers: ['content-type', 'text/event-stream', 'content-encoding', encoding],
          body: [[0, body]],
          ...(ending !== 'Silence' && { endMs: 0 }),
          breaks: ending === 'Break',
        };
        const model = virtualModel(
          { primary: () => script, spare: () => FINE },
          { timeouts, retry },
        );
        const { answer, client } = await model.ask({ stream: true });
        if (answer.kind !== 'Answered') throw new Error('no endpoint was asked');
        const { committed, held, fault } = answer.result;
        expect(committed).toBe(client.status !== undefined);
        // A client without an answer gets one from what is held or from the fault.
        expect(committed || held !== undefined || fault !== undefined).toBe(true);
        expect(readable(client.text)).toBe(true);
        if (model.seen.spare!.length > 0) {
          // Nothing of the first stream is left.
          expect([client.text, client.ended]).toEqual([WHOLE, true]);
        } else if (fault !== undefined && committed) {
          expect(client.ended).toBe(false);
          expect(client.text).toContain('content_block');
        }
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
