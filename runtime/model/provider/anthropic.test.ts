import { describe, expect, it } from '@jest/globals';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { anthropic } from './anthropic.ts';

const body = (error: object): Buffer => Buffer.from(JSON.stringify({ type: 'error', error }));
const kind = (status: number, error: object | Buffer = {}, headers: string[] = []): unknown =>
  anthropic.error({ status, headers, body: Buffer.isBuffer(error) ? error : body(error) });

describe('an error answer of Anthropic', () => {
  it.each([
    [400, undefined],
    [401, 'CredentialRefused'],
    [402, 'SpendLimit'],
    [403, undefined],
    [404, undefined],
    [408, undefined],
    [413, undefined],
    [429, 'RateLimited'],
    [500, 'ServerError'],
    [503, 'ServerError'],
    [529, 'Overloaded'],
  ])('of status %i says %s', (status, expected) => {
    expect(kind(status)).toBe(expected);
  });

  it.each([
    ['prompt is too long: 208310 tokens > 200000 maximum', 'PromptTooLong'],
    [
      'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000',
      'PromptTooLong',
    ],
    ['messages.0.content: Field required', undefined],
  ])('with the message “%s” says %s', (message, expected) => {
    expect(kind(400, { type: 'invalid_request_error', message })).toBe(expected);
  });

  it('says that a model is missing, if it is no other 404', () => {
    expect(kind(404, { type: 'not_found_error' })).toBe('ModelMissing');
    expect(kind(404, { type: 'other_error' })).toBeUndefined();
  });

  it('is read when it is compressed', () => {
    const plain = body({ type: 'not_found_error' });
    const encoded = (encoding: string, bytes: Buffer): unknown =>
      kind(404, bytes, ['Content-Encoding', encoding]);
    expect(encoded('gzip', gzipSync(plain))).toBe('ModelMissing');
    expect(encoded('br', brotliCompressSync(plain))).toBe('ModelMissing');
    expect(encoded('gzip', plain)).toBeUndefined();
    expect(encoded('odd', gzipSync(plain))).toBeUndefined();
  });

  it.each([
    [429, 'enforced_spend_limit_reached', 'SpendLimit'],
    [400, 'contract_spend_limit_reached', 'SpendLimit'],
    [429, 'ramp_limit_exceeded', 'RateLimited'],
    [429, 7, 'RateLimited'],
    [403, 'enforced_spend_limit_reached', undefined],
  ])('of status %i with the code %s says %s', (status, code, expected) => {
    expect(kind(status, { details: { error_code: code } })).toBe(expected);
  });

  it('that is no error says what its status says', () => {
    expect(kind(429, Buffer.from('null'))).toBe('RateLimited');
    expect(kind(400, Buffer.from('spend_limit'))).toBeUndefined();
  });
});
