import { expect, it } from '@jest/globals';
import type { Call } from '../terminal/command.ts';
import { limitFixture, bucketFixture } from '../../operator/testing/fixtures.ts';
import { overrideOf } from './limit.ts';

const context = { date: () => new Date('2026-01-01T00:00:00.500Z') } as Call['context'];
const one = limitFixture('triage');
const two = limitFixture('triage', {
  limits: [bucketFixture('requests'), bucketFixture('tokens')],
});

it.each([
  ['5/s', { amount: 5, per: '1s' }],
  ['300/m', { amount: 300, per: '1m' }],
  ['100/10s', { amount: 100, per: '10s' }],
  ['1000/d', { amount: 1000, per: '24h' }],
])('--rate %s is %j', (rate, refill) => {
  expect(overrideOf({ values: { rate, for: '10m' }, context }, one)).toEqual({
    limits: [{ name: 'requests', refill }],
    ...{ reason: null, expiresAt: '2026-01-01T00:10:00Z' },
  });
});

it('--limit, --capacity and --reason are part of the override', () => {
  const values = { rate: '5/s', for: '1h', capacity: '20', limit: 'tokens', reason: 'load' };
  expect(overrideOf({ values, context }, two)).toEqual({
    limits: [{ name: 'tokens', refill: { amount: 5, per: '1s' }, capacity: 20 }],
    ...{ reason: 'load', expiresAt: '2026-01-01T01:00:00Z' },
  });
});

it.each([
  [{ rate: '5/s' }, 'needs --rate RATE and --for DURATION, or --end'],
  [{ for: '1m' }, 'needs --rate RATE and --for DURATION, or --end'],
  [{ rate: '5', for: '1m', limit: 'tokens' }, 'write an amount and a period, such as 5/s'],
  [{ rate: '0/s', for: '1m', limit: 'tokens' }, '--rate is 0; write a whole number'],
  [
    { rate: '5/s', for: '1m', limit: 'tokens', capacity: '1.5' },
    '--capacity is 1.5; write a whole number',
  ],
  [{ rate: '5/s', for: 'soon', limit: 'tokens' }, '--for is "soon"'],
  [{ rate: '5/s', for: '1m' }, 'has the limits requests, tokens; write one as --limit NAME'],
  [{ rate: '5/s', for: '1m', limit: 'token' }, 'has the limits requests, tokens'],
])('%j is refused', (values, message) => {
  expect(() => overrideOf({ values, context }, two)).toThrow(message);
});
