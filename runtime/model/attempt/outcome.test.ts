import { describe, expect, it } from '@jest/globals';
import { streamErrorOutcome } from '../../protocols/anthropicAnswer.ts';
import { connectionOutcome, cutOutcome, statusOutcome } from './outcome.ts';

const short = (outcome: { vote: string; class?: string }): string => outcome.class ?? outcome.vote;

describe('outcomes', () => {
  it.each([
    [200, 'ok'],
    [302, 'InvalidResponse'],
    [400, 'ignored'],
    [401, 'ignored'],
    [403, 'ignored'],
    [404, 'ignored'],
    [408, 'ignored'],
    [409, 'ignored'],
    [413, 'ignored'],
    [422, 'ignored'],
    [429, 'RateLimited'],
    [500, 'ServerError'],
    [503, 'ServerError'],
    [520, 'ServerError'],
    [529, 'Overloaded'],
  ])('of status %i is %s', (status, expected) => {
    expect(short(statusOutcome(status))).toBe(expected);
  });

  it.each([
    ['overloaded_error', 'Overloaded'],
    ['api_error', 'ServerError'],
    ['rate_limit_error', 'RateLimited'],
    ['invalid_request_error', 'ignored'],
    ['constructor', 'ServerError'],
  ])('of the error %s in a stream is %s', (type, expected) => {
    expect(short(streamErrorOutcome(type))).toBe(expected);
  });

  it('of an attempt that took too long counts against the endpoint unless the client was the slow one', () => {
    expect(short(cutOutcome('Attempt', false))).toBe('Timeout');
    expect(short(cutOutcome('Attempt', true))).toBe('ignored');
  });

  it('of an attempt that the request’s deadline cuts is ignored', () => {
    expect(short(cutOutcome('Deadline', false))).toBe('ignored');
    expect(short(cutOutcome('Stream', false))).toBe('ignored');
    expect(short(cutOutcome('ClientGone', false))).toBe('ignored');
    expect(short(cutOutcome('Drain', false))).toBe('ignored');
  });

  it('of a network error names only its code', () => {
    const refused = Object.assign(new Error('connect 10.0.0.1:443'), { code: 'ECONNREFUSED' });
    expect(connectionOutcome(new AggregateError([refused]))).toEqual({
      vote: 'failure',
      class: 'Connection',
      message: 'connection failed (ECONNREFUSED)',
    });
    expect(
      connectionOutcome(Object.assign(new Error('x'), { name: 'HTTPParserError' })).class,
    ).toBe('InvalidResponse');
    expect(connectionOutcome(new Error('secret')).message).toBe('connection failed (unknown)');
  });
});
