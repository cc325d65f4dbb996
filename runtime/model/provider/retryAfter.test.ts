import { describe, expect, it } from '@jest/globals';
import { anthropic } from './anthropic.ts';
import { retryAfter } from './retryAfter.ts';

const NOW = new Date('2026-01-01T00:00:00.000Z');

describe('the wait that an answer asks for', () => {
  it.each([
    ['seconds', ['retry-after', '7'], 7000],
    ['a fraction of a second', ['Retry-After', '0.25'], 250],
    ['an hour', ['retry-after', '3600'], 3_600_000],
    ['nothing', ['retry-after', '0'], 0],
    ['a date', ['retry-after', 'Thu, 01 Jan 2026 00:01:00 GMT'], 60_000],
    ['a date gone by', ['retry-after', 'Wed, 31 Dec 2025 23:59:00 GMT'], undefined],
    ['a date in 1970', ['retry-after', 'Thu, 01 Jan 1970 00:00:00 GMT'], undefined],
    ['a date in 9999', ['retry-after', 'Fri, 31 Dec 9999 23:59:59 GMT'], 31_622_400_000],
    [
      'a date, which counts from the answer’s own',
      ['retry-after', 'Thu, 01 Jan 2026 06:00:30 GMT', 'Date', 'Thu, 01 Jan 2026 06:00:00 GMT'],
      30_000,
    ],
    [
      'a date, although the answer’s own is none',
      ['retry-after', 'Thu, 01 Jan 2026 00:01:00 GMT', 'date', 'today'],
      60_000,
    ],
    ['milliseconds, which win', ['retry-after', '7', 'retry-after-ms', '1500'], 1500],
    ['ages, which are cut to a year', ['retry-after', '99999999999'], 31_622_400_000],
    ['something else', ['retry-after', 'soon'], undefined],
    ['a negative number', ['retry-after', '-5'], undefined],
    ['more digits than a number has', ['retry-after', '9'.repeat(400)], 31_622_400_000],
    ['nothing at all', [], undefined],
  ])('is read when it is %s', (_name, headers, expected) => {
    expect(retryAfter(headers, () => NOW)).toBe(expected);
  });
});

describe('limits that the provider states', () => {
  it('are read as the remaining amount; tokens are corrected for rounding', () => {
    const headers = [
      'anthropic-ratelimit-requests-limit', '1000',
      'anthropic-ratelimit-requests-remaining', '999',
      'anthropic-ratelimit-requests-reset', new Date(NOW.getTime() + 1500).toISOString(),
      'Anthropic-RateLimit-Input-Tokens-Remaining', '3000',
      'anthropic-ratelimit-input-tokens-reset', 'soon',
      'anthropic-ratelimit-input-tokens-limit', '0',
      'anthropic-ratelimit-output-tokens-limit', '400000',
      'anthropic-ratelimit-tokens-remaining', 'many',
    ]; // prettier-ignore
    expect(anthropic.limits(headers, () => NOW)).toEqual([
      { resource: 'Requests', remaining: 999, limit: 1000, resetMs: 1500 },
      { resource: 'InputTokens', remaining: 3500 },
    ]);
  });
});

describe('the reset of a limit that the provider states', () => {
  it.each([
    [
      'our clock when that is right',
      '2026-01-01T00:00:01.500Z',
      'Wed, 31 Dec 2025 23:59:59 GMT',
      1500,
    ],
    [
      'the answer’s own Date when ours is wrong',
      '2026-01-01T06:01:00Z',
      'Thu, 01 Jan 2026 06:00:00 GMT',
      60_000,
    ],
    ['our clock when the answer has no Date', '2026-01-01T00:01:00Z', 'soon', 60_000],
    ['nothing when it is in 1970', '1970-01-01T00:00:00Z', 'Thu, 01 Jan 2026 00:00:00 GMT', 0],
    [
      'a year at most when it is in 9999',
      '9999-12-31T00:00:00Z',
      'Thu, 01 Jan 2026 00:00:00 GMT',
      31_622_400_000,
    ],
  ])('counts from %s', (_name, reset, date, resetMs) => {
    const headers = [
      'anthropic-ratelimit-requests-remaining', '1',
      'anthropic-ratelimit-requests-reset', reset,
      'date', date,
    ]; // prettier-ignore
    expect(anthropic.limits(headers, () => NOW)).toEqual([
      { resource: 'Requests', remaining: 1, resetMs },
    ]);
  });
});
