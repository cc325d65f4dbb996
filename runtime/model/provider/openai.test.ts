import { describe, expect, it } from '@jest/globals';
import { durationMs, openai } from './openai.ts';

const kindOf = (status: number, error: object): unknown =>
  openai.error({ status, headers: [], body: Buffer.from(JSON.stringify({ error })) });

describe('an error of OpenAI or of a server that imitates it', () => {
  it.each([
    [429, { code: 'rate_limit_exceeded', type: 'tokens' }, 'RateLimited'],
    [429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'SpendLimit'],
    [401, { code: 'invalid_api_key' }, 'CredentialRefused'],
    [404, { code: 'model_not_found', message: 'The model `x` does not exist' }, 'ModelMissing'],
    [404, { code: 'DeploymentNotFound', message: 'The API deployment' }, 'ModelMissing'],
    [
      404,
      { code: 404, type: 'NotFoundError', message: 'The model `x` does not exist.' },
      'ModelMissing',
    ],
    [404, { message: 'No such response' }, undefined],
    [400, { code: 'context_length_exceeded' }, 'PromptTooLong'],
    [400, { message: "This model's maximum context length is 4096 tokens." }, 'PromptTooLong'],
    [400, { type: 'exceed_context_size_error', code: 400 }, 'PromptTooLong'],
    [400, { code: 'content_filter', message: 'The prompt was filtered' }, undefined],
    [403, { code: 'unsupported_country' }, undefined],
    [503, { message: 'The engine is currently overloaded' }, 'Overloaded'],
    [500, { type: 'server_error' }, 'ServerError'],
  ])('with the status %d and %j is %s', (status, error, expected) => {
    expect(kindOf(status, error)).toBe(expected);
  });

  it('may have no frame, or be no JSON', () => {
    const body = Buffer.from('{"object":"error","code":400,"message":"maximum context length"}');
    expect(openai.error({ status: 400, headers: [], body })).toBe('PromptTooLong');
    expect(openai.error({ status: 429, headers: [], body: Buffer.from('<html>') })).toBe('RateLimited'); // prettier-ignore
  });
});

it('the limits of OpenAI count requests, and tokens of both kinds together', () => {
  const headers = [
    'x-ratelimit-limit-requests', '60',
    'x-ratelimit-remaining-requests', '59',
    'x-ratelimit-reset-requests', '1s',
    'x-ratelimit-limit-tokens', '150000',
    'X-RateLimit-Remaining-Tokens', '149984',
    'x-ratelimit-reset-tokens', '6m0s',
  ]; // prettier-ignore
  expect(openai.limits(headers, () => new Date())).toEqual([
    { resource: 'Requests', remaining: 59, limit: 60, resetMs: 1000 },
    { resource: 'TotalTokens', remaining: 149_984, limit: 150_000, resetMs: 360_000 },
  ]);
});

it.each([
  ['1s', 1000],
  ['6m0s', 360_000],
  ['120ms', 120],
  ['1h2m3.5s', 3_723_500],
  ['2m59.56s', 179_560],
  ['7.5', 7500],
  ['1767225600000', NaN],
  ['soon', NaN],
  ['', NaN],
  ['1s and more', NaN],
])('the reset %j is %d ms away', (text, expected) => {
  expect(durationMs(text)).toBe(expected);
});
