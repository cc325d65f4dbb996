import { afterEach, describe, expect, it } from '@jest/globals';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { send } from '../testing/client.ts';
import { fine, startPool } from '../testing/pool.ts';
import type { Behaviour, Pool } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const ENCODINGS: [string, string, (body: string) => Buffer][] = [
  ['gzip', 'gzip', gzipSync],
  ['br', 'br', brotliCompressSync],
  ['zstd', 'zstd', zstdCompressSync],
  ['deflate', 'deflate', deflateSync],
  ['deflate without its header', 'deflate', deflateRawSync],
];

const error = (type: string, message: string, code?: string): string =>
  JSON.stringify({
    type: 'error',
    error: { type, message, ...(code !== undefined && { details: { error_code: code } }) },
  });

const encoded =
  (status: number, encoding: string, body: Buffer): Behaviour =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', 'content-encoding': encoding })
      .end(body);

const gate = ({ agent }: Pool): string | undefined => agent.runtime.guard.gates()[0]!.gate;

describe('an error answer in an encoding', () => {
  it.each(ENCODINGS)(
    'that reports a spend limit moves on to another key: %s',
    async (_name, encoding, encode) => {
      const body = encode(error('invalid_request_error', 'limit', 'workspace_spend_limit_reached'));
      const context = await startPool(cleanups, [
        { name: 'primary', key: 'one', does: encoded(400, encoding, body) },
        { name: 'spare', key: 'two', priority: 1, does: fine },
      ]);
      expect((await send(context.agent.url)).status).toBe(200);
      expect(gate(context)).toBe('SpendLimit');
    },
  );

  it.each(ENCODINGS)(
    'that says the prompt is too long moves on to a larger context: %s',
    async (_name, encoding, encode) => {
      const body = encode(error('invalid_request_error', 'prompt is too long: 9 > 8'));
      const context = await startPool(cleanups, [
        { name: 'primary', contextTokens: 1000, does: encoded(400, encoding, body) },
        { name: 'spare', contextTokens: 1_000_000, priority: 1, does: fine },
      ]);
      expect((await send(context.agent.url)).status).toBe(200);
    },
  );

  it('reaches the client as it came', async () => {
    const body = gzipSync(error('invalid_request_error', 'no'));
    const context = await startPool(cleanups, [
      { name: 'primary', does: encoded(400, 'gzip', body) },
    ]);
    const answer = await send(context.agent.url);
    expect([answer.status, answer.headers['content-encoding']]).toEqual([400, 'gzip']);
    expect(answer.body.equals(body)).toBe(true);
  });

  it.each([
    ['unpacks to more than 1 MiB', gzipSync(' '.repeat(3 * 1024 * 1024))],
    ['is broken', Buffer.from('this is no gzip')],
  ])('that %s says nothing, and reaches the client as it came', async (_name, body) => {
    const context = await startPool(cleanups, [
      { name: 'primary', does: encoded(429, 'gzip', body) },
    ]);
    const answer = await send(context.agent.url);
    expect([answer.status, answer.body.equals(body)]).toEqual([429, true]);
  });
});
