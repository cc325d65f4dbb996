/** Answers of a provider that are hostile by their form: small chunks, ratios of compression, indices, counts. */
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { said } from '../../runtime/testing/conversation.ts';
import { MESSAGE, STREAM, sse } from '../../runtime/testing/upstream.ts';
import type { Random } from './random.ts';

const MIB = 1024 * 1024;
const INDICES = ['length', '__proto__', 3e7, 4_294_967_290, -1, 0.5, null, {}, [], 0, 1, '0'];
/** What one byte can stand for at most in each encoding. */
const WIDE = { params: { [constants.ZSTD_c_windowLog]: 27 } };
const COMPRESSED: [string, Buffer][] = [
  ['gzip', gzipSync(Buffer.alloc(64 * MIB, 0x20))],
  ['br', brotliCompressSync(Buffer.alloc(8 * MIB, 0x20))],
  ['zstd', zstdCompressSync(Buffer.alloc(64 * MIB, 0x20))],
  ['zstd', zstdCompressSync(Buffer.alloc(MIB, 0x20), WIDE)],
];

function head(type: string, more: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}\r\n\r\n`;
}

/** Each piece of the body as a chunk of its own. */
function chunked(type: string, body: string, size: number): Buffer {
  const chunks: string[] = [head(type, 'transfer-encoding: chunked')];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    chunks.push(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  }
  return Buffer.from(`${chunks.join('')}0\r\n\r\n`, 'latin1');
}

function whole(type: string, body: string | Buffer, encoding?: string): Buffer {
  const more = encoding === undefined ? '' : `content-encoding: ${encoding}\r\n`;
  const start = head(type, `${more}content-length: ${Buffer.byteLength(body)}`);
  return Buffer.concat([Buffer.from(start), Buffer.from(body)]);
}

const STREAM_TYPE = 'text/event-stream';

export function hostileAnswer(random: Random): Buffer {
  const type = random.pick(['application/json', STREAM_TYPE]);
  return random.pick([
    () => {
      const long = { type: 'text', text: 'x'.repeat(random.below(300_000)) };
      const json = JSON.stringify({ ...MESSAGE, content: [long] });
      const body = type === STREAM_TYPE ? STREAM.join('') + json : json;
      return chunked(type, body, 1 + random.below(3));
    },
    () => {
      const [encoding, body] = random.pick(COMPRESSED);
      return whole(type, body, encoding);
    },
    () => {
      const events = Array.from({ length: 50 }, () =>
        sse(random.pick(['content_block_start', 'content_block_delta', 'content_block_stop']), {
          index: random.pick(INDICES),
          content_block: random.pick<unknown>([
            null,
            { type: 'text', text: '' },
            { type: 'tool_use' },
          ]),
          delta: random.pick<unknown>([
            null,
            { type: 'text_delta', text: random.pick<unknown>(['x', 7, null]) },
            { type: 'input_json_delta', partial_json: '{' },
          ]),
        }),
      );
      return whole(STREAM_TYPE, [...STREAM.slice(0, 2), ...events, ...STREAM.slice(5)].join(''));
    },
    () => {
      const calls = Array.from({ length: random.below(3000) }, (_, i) => {
        return { id: `use-${i % random.pick([1, 7, 9999])}`, name: 'no', input: {} };
      });
      return whole(STREAM_TYPE, said({ tools: calls }).join(''));
    },
    () => {
      const line = random.pick([
        'data:\n',
        ': comment\n',
        '\n',
        'event: ping\ndata: {}\n\n',
        'x',
        '\r',
      ]);
      const body = STREAM[0]! + line.repeat(random.below((2 * MIB) / line.length));
      return whole(STREAM_TYPE, body);
    },
  ])();
}
