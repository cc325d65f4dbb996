import { NO_TOKENS } from '../../protocols/usage.ts';
import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import fc from '../../../test/property.ts';
import { configuration } from '../../testing/configuration.ts';
import { ByteBudget } from '../../resilience/byteBudget.ts';
import { MESSAGE, sse } from '../../testing/upstream.ts';
import { anthropicMessages } from '../../protocols/anthropicMessages.ts';
import type { Attempt, AttemptResult, Sink } from './attempt.ts';
import { forward } from './forward.ts';
import { UsageMeter } from '../../protocols/anthropicAnswer.ts';
import type { UpstreamResponse } from '../transport/upstream.ts';

const { content: CONTENT } = configuration('http://model');
const [ENDPOINT] = CONTENT.endpoints;

/** Keeps what reaches the client. */
class Kept implements Sink {
  blocked = false;
  committed = false;
  ended = false;
  readonly #chunks: Buffer[] = [];

  offer(): void {
    // Nothing reaches the client by it.
  }

  recall(): boolean {
    return false;
  }

  head(): void {
    this.committed = true;
  }

  write(chunk: Buffer): undefined {
    if (this.ended) throw new Error('written after the end');
    this.#chunks.push(chunk);
  }

  end(last?: Buffer): void {
    if (last) this.#chunks.push(last);
    this.ended = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

interface Case {
  body: Buffer;
  /** Where the body is cut into chunks. */
  cuts: number[];
  /** Whether the connection breaks at the end. */
  breaks: boolean;
  gzip: boolean;
  /** Whether the body says that it is gzip as it is. */
  spoilt?: boolean;
}

async function pass({
  body,
  cuts,
  breaks,
  gzip,
  spoilt = false,
}: Case): Promise<[AttemptResult, Kept]> {
  const bytes = gzip ? gzipSync(body) : body;
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)];
  const chunks = at.map((from, i) => bytes.subarray(from, at[i + 1] ?? bytes.length));
  let destroyed = false;
  const response: UpstreamResponse = {
    status: 200,
    statusText: 'OK',
    headers: [
      'content-type',
      'text/event-stream',
      ...(gzip || spoilt ? ['content-encoding', 'gzip'] : []),
    ],
    body: {
      read: async (take) => {
        for (const chunk of chunks) {
          await take(chunk);
          if (destroyed) throw new Error('dropped');
        }
        if (breaks) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      },
      destroy: () => (destroyed = true),
    },
  };
  const sink = new Kept();
  const nothing = (): void => undefined;
  const budget = new ByteBudget(() => Infinity);
  const attempt: Attempt = {
    request: {
      content: CONTENT,
      method: 'POST',
      path: '/v1/messages',
      protocol: anthropicMessages,
      expected: 'Message',
      headers: [],
      model: 'opus',
      body: Buffer.from('{}'),
      size: NO_TOKENS,
      stream: true,
    },
    to: { endpoint: ENDPOINT! },
    signal: new AbortController().signal,
    answer: sink,
    watch: {
      began: nothing,
      bytes: nothing,
      event: nothing,
      firstToken: nothing,
      complete: nothing,
      unstreamed: nothing,
      unstreamedBytes: nothing,
    },
    meter: new UsageMeter(),
    budget,
    date: () => new Date(0),
    permit: { firstToken: nothing },
    onHeaders: nothing,
  };
  const result = await forward({ send: () => Promise.resolve(response) }, attempt);
  expect(budget.used).toBe(0);
  return [result, sink];
}

const delta = (text: string): string =>
  sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
const BEGINNING = [
  sse('message_start', { message: { ...MESSAGE, content: [], stop_reason: null } }),
  sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
].join('');
const END = [
  sse('content_block_stop', { index: 0 }),
  sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }),
].join('');
const STOP = sse('message_stop');

/** Events between the beginning and the end that are good. */
const inner = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }).map(delta),
      fc.constantFrom(sse('ping'), ': comment\n\n', '\n\n', sse('of_tomorrow', { x: 1 })),
    ),
  )
  .map((events) => events.join(''));

/** Events that no client could read. */
const malformed = fc.constantFrom(
  'event: message_delta\ndata: {{{\n\n',
  'event: message_stop\n\n',
  'event: content_block_delta\ndata: 5\n\n',
  'event: error\ndata: <html>\n\n',
  'data: half of {"type":"content_block_delta"\n\n',
);

const shape = {
  cuts: fc.array(fc.nat(), { maxLength: 12 }),
  gzip: fc.boolean(),
};

/** What a client can read of a stream: whole events with data that is JSON. */
function readable(bytes: Buffer): boolean {
  const text = bytes.toString();
  if (text !== '' && !text.endsWith('\n\n')) return false;
  const data = text.match(/^data: .*$/gm) ?? [];
  return data.every((line) => JSON.parse(line.slice('data: '.length)) !== undefined);
}

describe('a stream, however its bytes are cut,', () => {
  it('reaches the client byte for byte when it is whole', async () => {
    const property = fc.asyncProperty(inner, fc.record(shape), async (middle, how) => {
      const body = Buffer.from(`${BEGINNING}${middle}${END}${STOP}`);
      const [result, sink] = await pass({ ...how, body, breaks: false });
      expect(sink.bytes.toString()).toBe(body.toString());
      expect([result.outcome, result.fault, sink.ended]).toEqual([{ vote: 'ok' }, undefined, true]);
    });
    await fc.assert(property);
  });

  it('gets a message_stop if it lacks only that', async () => {
    const rest = fc.nat(STOP.length - 2).map((length) => STOP.slice(0, length));
    const property = fc.asyncProperty(inner, rest, fc.record(shape), async (middle, part, how) => {
      const body = Buffer.from(`${BEGINNING}${middle}${END}${part}`);
      const [result, sink] = await pass({ ...how, body, breaks: false });
      expect(sink.bytes.toString()).toBe(`${BEGINNING}${middle}${END}${STOP}`);
      expect([result.outcome, result.fault, sink.ended]).toEqual([{ vote: 'ok' }, undefined, true]);
    });
    await fc.assert(property);
  });

  it('leaves the client with whole events when it breaks off', async () => {
    const length = fc.nat();
    const property = fc.asyncProperty(
      inner,
      length,
      fc.boolean(),
      fc.record(shape),
      async (middle, at, breaks, how) => {
        const whole = Buffer.from(`${BEGINNING}${middle}${END}`);
        const body = whole.subarray(0, at % (whole.length - 1));
        const [result, sink] = await pass({ ...how, body, breaks });
        expect(readable(sink.bytes)).toBe(true);
        expect(body.subarray(0, sink.bytes.length).equals(sink.bytes)).toBe(true);
        expect([result.outcome.vote, result.fault, sink.ended]).toEqual([
          'failure',
          'BrokeOff',
          false,
        ]);
      },
    );
    await fc.assert(property);
  });

  it('ends before an event that is malformed', async () => {
    const property = fc.asyncProperty(
      inner,
      malformed,
      fc.record(shape),
      async (middle, bad, how) => {
        const body = Buffer.from(`${BEGINNING}${middle}${bad}${END}${STOP}`);
        const [result, sink] = await pass({ ...how, body, breaks: false });
        expect(sink.bytes.toString()).toBe(`${BEGINNING}${middle}`);
        expect(result.outcome).toMatchObject({ vote: 'failure', class: 'InvalidResponse' });
        expect([result.fault, sink.ended]).toEqual(['InvalidResponse', false]);
      },
    );
    await fc.assert(property);
  });

  it('of random bytes is a failure, and only whole events of it reach the client', async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(
          fc.constantFrom('event: ', 'data: ', '\n', '\r', '{', '}', '"', 'error', 'ping', ':'),
        )
        .map((parts) => Buffer.from(parts.join(''))),
    );
    const property = fc.asyncProperty(
      noise,
      fc.boolean(),
      fc.boolean(),
      fc.record(shape),
      async (bytes, begun, breaks, how) => {
        const body = begun ? Buffer.concat([Buffer.from(BEGINNING), bytes]) : bytes;
        const [result, sink] = await pass({ ...how, body, breaks });
        expect(result.outcome.vote).toBe('failure');
        expect(sink.ended).toBe(false);
        expect(result.committed).toBe(sink.committed);
        expect(body.subarray(0, sink.bytes.length).equals(sink.bytes)).toBe(true);
        if (begun) expect(sink.bytes.length).toBeGreaterThanOrEqual(Buffer.byteLength(BEGINNING));
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('of a broken encoding is a failure', async () => {
    const property = fc.asyncProperty(
      fc.uint8Array({ minLength: 4, maxLength: 200 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (bytes, cuts) => {
        const whole = gzipSync(`${BEGINNING}${delta('x')}`);
        const body = Buffer.concat([whole.subarray(0, whole.length - 8), Buffer.from(bytes)]);
        const [result, sink] = await pass({ body, cuts, breaks: false, gzip: false, spoilt: true });
        expect(result.outcome).toMatchObject({ vote: 'failure', class: 'InvalidResponse' });
        expect(readable(sink.bytes)).toBe(true);
        expect(sink.ended).toBe(false);
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });

  it('is complete at the end of its encoding, whatever follows', async () => {
    const whole = gzipSync(`${BEGINNING}${END}${STOP}`);
    for (const rest of ['x', 'garbage '.repeat(50)]) {
      const body = Buffer.concat([whole, Buffer.from(rest)]);
      const cuts = [whole.length, whole.length + 1];
      const [result, sink] = await pass({ body, cuts, breaks: false, gzip: false, spoilt: true });
      expect([result.outcome.vote, sink.bytes.toString()]).toEqual([
        'ok',
        `${BEGINNING}${END}${STOP}`,
      ]);
    }
  });

  it('passes an event above 1 MiB, and says so when it breaks within one', async () => {
    const large = delta('x'.repeat(3 * 1024 * 1024));
    const cuts = Array.from({ length: 40 }, (_, i) => i * 90_000);
    const body = Buffer.from(`${BEGINNING}${large}${END}${STOP}`);
    const [whole, sink] = await pass({ body, cuts, breaks: false, gzip: false });
    expect([whole.outcome.vote, sink.bytes.equals(body)]).toEqual(['ok', true]);
    const half = body.subarray(0, body.length / 2);
    const [torn] = await pass({ body: half, cuts, breaks: true, gzip: false });
    expect([torn.fault, torn.torn]).toEqual(['BrokeOff', true]);
  });
});
