import { describe, expect, it } from '@jest/globals';
import { identityHeaders } from './identity.ts';

describe('the headers that tell requests apart', () => {
  it('are all that are passed on, in one order whatever order and case they come in', () => {
    const headers = ['X-Portkey-Api-Key', 'p', 'Cookie', 'c=1', 'authorization', 'Bearer a'];
    const same = ['AUTHORIZATION', 'Bearer a', 'cookie', 'c=1', 'x-portkey-api-key', 'p'];
    const expected = ['authorization: Bearer a', 'cookie: c=1', 'x-portkey-api-key: p'];
    expect([identityHeaders(headers), identityHeaders(same)]).toEqual([expected, expected]);
  });

  it('are none of a request that only says what every request may say', () => {
    const headers = [
      ...['Host', 'agent', 'Content-Length', '7', 'Content-Type', 'application/json'],
      ...['Connection', 'x-hop, keep-alive', 'X-Hop', '1', 'User-Agent', 'sdk/1'],
      ...['x-stainless-retry-count', '1', 'traceparent', '00-1', 'anthropic-version', '2023-06-01'],
    ];
    expect(identityHeaders(headers)).toEqual([]);
  });

  it('keep a header that comes twice, and one that a proxy adds about the user', () => {
    const headers = ['x-forwarded-user', 'ada', 'cookie', 'b', 'cookie', 'a'];
    expect(identityHeaders(headers)).toEqual(['cookie: a', 'cookie: b', 'x-forwarded-user: ada']);
  });
});
