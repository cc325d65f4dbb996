import { beforeAll, describe, expect, it } from '@jest/globals';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import { gzipSync } from 'node:zlib';
import type { Failure } from '../errors/failure.ts';
import type { Sink } from '../model/attempt/attempt.ts';
import { SecretlintScanner } from '../security/secrets/secretScanner.ts';
import { SecretStream } from '../security/secrets/secretStream.ts';
import { GITHUB_KEY as KEY } from '../testing/secrets.ts';
import { MESSAGE, STREAM, sse } from '../testing/upstream.ts';
import { ScreenedSink } from './screenedSink.ts';

let scanner: SecretlintScanner;
beforeAll(async () => {
  scanner = await SecretlintScanner.load();
});

class Client implements Sink {
  readonly blocked = false;
  headed = false;
  ended = false;
  #chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  head(): void {
    this.headed = true;
  }

  write(chunk: Buffer): undefined {
    this.#chunks.push(chunk);
  }

  end(last?: Buffer): void {
    if (last) this.#chunks.push(last);
    this.ended = true;
  }
}

interface Passed {
  client: Client;
  /** What the client had before the end. */
  early: number;
  failure: Failure | undefined;
  told: string[][];
  stopped: boolean;
}

/** Passes an answer on, in pieces of so many bytes. */
async function pass(
  answer: string | Buffer,
  {
    blocks = true,
    size = Infinity,
    headers = ['content-type', 'text/event-stream'],
    room = Infinity,
  } = {},
): Promise<Passed> {
  const client = new Client();
  const passed: Passed = { client, early: 0, failure: undefined, told: [], stopped: false };
  const secrets = new SecretStream(Promise.resolve(scanner));
  const tell = (kinds: readonly string[]): void => void passed.told.push([...kinds]);
  const stop = (): void => void (passed.stopped = true);
  let used = 0;
  const account = {
    take: (bytes: number) => {
      if (used + bytes > room) return false;
      used += bytes;
      return true;
    },
    give: (bytes: number) => void (used -= bytes),
  };
  const sink = new ScreenedSink({
    protocol: anthropicMessages,
    next: client,
    scan: { secrets, blocks, tell },
    stop,
    account,
  });
  const bytes = Buffer.from(answer as string);
  sink.head(200, 'OK', headers, true);
  for (let at = 0; at < bytes.length; at += size) await sink.write(bytes.subarray(at, at + size));
  passed.early = client.text.length;
  sink.end();
  passed.failure = await sink.settle();
  return passed;
}

const delta = (part: object, index = 0): string =>
  sse('content_block_delta', { index, delta: part });
const text = (value: string): string => delta({ type: 'text_delta', text: value });

/** A stream that says these pieces. */
const stream = (...deltas: string[]): string =>
  [...STREAM.slice(0, 3), ...deltas, ...STREAM.slice(5)].join('');

/** A stream whose arguments of a tool come in these pieces. */
const asking = (...pieces: string[]): string =>
  stream(...pieces.map((each) => delta({ type: 'input_json_delta', partial_json: each })));

const letters = [...`Use ${KEY} now.`].map(text);
const JSON_HEADERS = ['content-type', 'application/json'];

describe('an answer that is screened for secrets', () => {
  it.each([37, 999, Infinity])('passes as it is in pieces of %d bytes', async (size) => {
    const ordinary = stream(...Array.from({ length: 900 }, (_, i) => text(`Hello ${i} wörld. `)));
    for (const blocks of [true, false]) {
      const { client, failure, told } = await pass(ordinary, { blocks, size });
      expect([failure, told, client.ended]).toEqual([undefined, [], true]);
      expect(client.text).toBe(ordinary);
    }
  });

  it('holds back a secret that comes letter by letter, however the bytes are cut', async () => {
    for (const size of [1, 7, 100, 4096, Infinity]) {
      const { client, failure, told, stopped } = await pass(stream(...letters), { size });
      expect(failure?.reason).toBe('AnswerBlocked');
      expect([told, stopped, client.ended]).toEqual([[['github']], true, false]);
      expect(client.text).not.toContain('"text":"g"');
    }
  });

  it('holds back a secret late in an answer whose beginning has been sent', async () => {
    const long = Array.from({ length: 3000 }, () => text('The quick brown fox. '));
    const { client, failure } = await pass(stream(...long, ...letters, ...long), { size: 5000 });
    expect(failure?.reason).toBe('AnswerBlocked');
    expect(client.text.length).toBeGreaterThan(100_000);
    // Whole events, so that an error event may follow.
    expect(client.text).toMatch(/\n\n$/);
    expect(client.text).not.toContain('"text":"g"');
  });

  it('does not pass if there is no room for what it holds back, and is not held if nothing is blocked', async () => {
    const answer = JSON.stringify({ content: [{ type: 'text', text: 'x'.repeat(10_000) }] });
    const headers = ['content-type', 'application/json'];
    for (const [room, passes] of [
      [30_000, true],
      [5000, false],
    ] as const) {
      const { client, failure } = await pass(answer, { headers, room });
      expect(failure?.reason).toBe(passes ? undefined : 'AnswerBlocked');
      expect(client.text).toBe(passes ? answer : '');
    }
    const { client, failure } = await pass(answer, { headers, room: 5000, blocks: false });
    expect([failure, client.text]).toEqual([undefined, answer]);
  });

  it('gives back what it held', async () => {
    const ordinary = stream(
      ...Array.from({ length: 30_000 }, (_, i) => text(`Hello ${i} wörld. `)),
    );
    const { client, failure } = await pass(ordinary, { size: 5000, room: 1_000_000 });
    expect([failure, client.text]).toEqual([undefined, ordinary]);
  });

  it('reports at once and sends everything if nothing is blocked', async () => {
    const { client, failure, told } = await pass(stream(...letters), { blocks: false, size: 100 });
    expect([failure, told, client.ended]).toEqual([undefined, [['github']], true]);
    expect(client.text).toBe(stream(...letters));
  });

  it.each([
    ['thoughts', stream(delta({ type: 'thinking_delta', thinking: `I know ${KEY}.` }))],
    ['arguments, cut', asking('{"key":"ghp_', KEY.slice(4, 20), `${KEY.slice(20)}"}`)],
    ['arguments, escaped', asking('{"key":"\\u00', `67hp_${KEY.slice(4)}"}`)],
    ['arguments of their block', stream(sse('content_block_start', { index: 1, content_block: { type: 'tool_use', input: { a: { b: KEY } } } }))], // prettier-ignore
    ['two blocks of text', stream(text(KEY.slice(0, 9)), sse('content_block_stop', { index: 0 }), sse('content_block_start', { index: 1, content_block: { type: 'text', text: '' } }), text(KEY.slice(9)))], // prettier-ignore
  ])('finds a secret in %s', async (_, answer) => {
    expect((await pass(answer)).failure?.reason).toBe('AnswerBlocked');
    expect((await pass(answer, { blocks: false })).told).toEqual([['github']]);
  });

  it('refuses an unstreamed answer before any of it is sent', async () => {
    const content = [{ type: 'text', text: `Use\n${KEY}` }];
    const body = JSON.stringify({ ...MESSAGE, content });
    for (const size of [10, Infinity]) {
      const plain = await pass(body, { size, headers: JSON_HEADERS });
      expect([plain.failure?.reason, plain.client.headed]).toEqual(['AnswerBlocked', false]);
    }
    const headers = [...JSON_HEADERS, 'content-encoding', 'gzip'];
    const zipped = await pass(gzipSync(body), { headers });
    expect([zipped.failure?.reason, zipped.client.text]).toEqual(['AnswerBlocked', '']);
    expect((await pass(gzipSync(body), { headers, blocks: false })).told).toEqual([['github']]);
    const harmless = await pass(JSON.stringify(MESSAGE), { headers: JSON_HEADERS });
    expect(harmless.client.text).toBe(JSON.stringify(MESSAGE));
  });

  it('finds a secret that spans two blocks of text of an unstreamed answer', async () => {
    const halves = [KEY.slice(0, 9), KEY.slice(9)].map((half) => ({ type: 'text', text: half }));
    const bodyOf = (content: unknown): string => JSON.stringify({ ...MESSAGE, content });
    const cited = [{ ...halves[0], citations: [{ cited_text: 'a' }] }, halves[1]];
    const headers = [...JSON_HEADERS, 'content-encoding', 'gzip'];
    for (const size of [7, Infinity]) {
      const { failure, client, told } = await pass(bodyOf(cited), { size, headers: JSON_HEADERS });
      expect([failure?.reason, client.headed, told]).toEqual([
        'AnswerBlocked',
        false,
        [['github']],
      ]);
      const zipped = await pass(gzipSync(bodyOf(cited)), { size, headers, blocks: false });
      expect(zipped.told).toEqual([['github']]);
    }
    // Blocks of other kinds stand between texts.
    const apart = [halves[0], { type: 'tool_use', id: 'a', name: 'b', input: {} }, halves[1]];
    for (const content of [apart, [halves[0]], 'x', null, {}]) {
      const { failure, client } = await pass(bodyOf(content), { headers: JSON_HEADERS });
      expect([failure, client.text]).toEqual([undefined, bodyOf(content)]);
    }
    const values = bodyOf([{ type: 'tool_use', input: Array(100_000).fill(0) }, halves[0]]);
    expect((await pass(values, { headers: JSON_HEADERS })).failure?.reason).toBe('AnswerBlocked');
  });

  it('sends nothing that it cannot read if secrets are blocked', async () => {
    const unknown = ['content-type', 'text/event-stream', 'content-encoding', 'secret'];
    const { failure, client, told } = await pass(STREAM.join(''), { headers: unknown });
    expect([failure?.reason, client.headed, told]).toEqual(['AnswerBlocked', false, []]);
    const reported = await pass(STREAM.join(''), { headers: unknown, blocks: false });
    expect(reported.client.text).toBe(STREAM.join(''));

    const endless = stream(text('x'.repeat(1_100_000)));
    expect((await pass(endless, { size: 65_536 })).failure?.reason).toBe('AnswerBlocked');
    const huge = JSON.stringify({ ...MESSAGE, content: 'x'.repeat(8_400_000) });
    expect((await pass(huge, { headers: JSON_HEADERS, size: 65_536 })).failure).toBeDefined();
  });

  it('holds a bounded number of events without text', async () => {
    const empty = text('').repeat(100_000);
    const { client, failure, early } = await pass(stream(text('Begin.'), empty), { size: 65_536 });
    expect([failure, client.ended]).toEqual([undefined, true]);
    expect(early).toBeGreaterThan(8_000_000);
  });

  it('sends pings before held events, so that the connection stays alive', async () => {
    const { client } = await pass(stream(text('Hel'), sse('ping'), text('lo')), { size: 60 });
    expect(client.text.match(/event: ping/g)).toHaveLength(3);
  });
});
