/** Answers with some of their bytes changed, lost or added, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { ONE_ATTEMPT, TOUCHY, configuration } from '../testing/configuration.ts';
import { rawEndpoint } from '../testing/rawEndpoint.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups, STREAMED, errorOf } from '../testing/setup.ts';
import { MESSAGE, STREAM } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const PLAIN: Sent = { body: '{"model":"m","messages":[]}' };
const TEXT = JSON.stringify(MESSAGE);
const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const head = (type: string, rest: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n${rest}\r\n\r\n`;

/** Whole answers by the request that they are for. */
const ANSWERS: [Sent, string][] = [
  [PLAIN, `${head('application/json', `content-length: ${TEXT.length}`)}${TEXT}`],
  [PLAIN, `${head('application/json', 'transfer-encoding: chunked')}${chunked(TEXT)}`],
  [STREAMED, `${head('text/event-stream', 'connection: close')}${STREAM.join('')}`],
  [
    STREAMED,
    `${head('text/event-stream', 'transfer-encoding: chunked')}${chunked(STREAM.join(''))}`,
  ],
];

type Change = [kind: 'cut' | 'change' | 'insert' | 'remove', at: number, bytes: Uint8Array];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('cut' as const, 'change' as const, 'insert' as const, 'remove' as const),
  fc.nat(),
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
);

function changed(bytes: Buffer, [kind, where, by]: Change): Buffer {
  const at = where % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (kind) {
    case 'cut':
      return before;
    case 'change':
      return Buffer.concat([before, by, after.subarray(by.length)]);
    case 'insert':
      return Buffer.concat([before, by, after]);
    case 'remove':
      return Buffer.concat([before, after.subarray(by.length)]);
  }
}

/** Whether its client takes the answer for a whole one. */
function isWhole({ headers, body }: Answer): boolean {
  const text = body.toString();
  if (headers['content-type']?.startsWith('text/event-stream') !== true) {
    return (JSON.parse(text) as { type: string }).type === 'message';
  }
  if (/^event: error$/m.test(text)) return false;
  expect(text).toMatch(/message_stop[^]*?[\r\n]{2}/);
  return true;
}

describe('an answer with bytes that were changed, lost or added', () => {
  it('is a whole answer for its client or a clean error, with one vote', async () => {
    let bytes: Buffer = Buffer.alloc(0);
    const endpoint = await rawEndpoint(cleanups, () => bytes);
    const circuit = { ...TOUCHY, trip: { consecutiveFailures: 1_000_000 } };
    const timeouts = { connectMs: 2000, requestMs: 5000, streamIdleMs: 2000 };
    const content = { circuits: [circuit], timeouts, ...ONE_ATTEMPT };
    const agent = await startRuntime(configuration(endpoint.url, content));
    cleanups.add(() => agent.stop());
    const failures = (): number =>
      Object.values(agent.runtime.guard.stats().circuits[0]!.failures).reduce((a, b) => a + b, 0);
    const shape = fc.tuple(
      fc.constantFrom(...ANSWERS),
      fc.array(change, { minLength: 1, maxLength: 3 }),
    );
    const property = fc.asyncProperty(shape, async ([[sent, answer], changes]) => {
      bytes = changes.reduce(changed, Buffer.from(answer));
      const before = failures();
      const received = await send(agent.url, sent);
      const votes = failures() - before;
      if (received.headers['x-breakwater-reason'] !== undefined) {
        expect(errorOf(received).message).not.toBe('');
        expect([received.status, votes]).toEqual([502, 1]);
      } else if (received.status < 300 && isWhole(received)) expect(votes).toBe(0);
    });
    await fc.assert(property, { numRuns: 300 });
    bytes = Buffer.from(ANSWERS[0]![1]);
    expect((await send(agent.url, PLAIN)).status).toBe(200);
  });
});
