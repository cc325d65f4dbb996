import { describe, expect, it } from '@jest/globals';
import { requestHeaders, responseHeaders, identityHeaders } from './headers.ts';

const RAW = [
  'Host', 'agent', 'X-Api-Key', 'caller', 'Authorization', 'Bearer caller',
  'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'Content-Length', '5',
  'Connection', 'keep-alive, X-Private', 'X-Private', 'here', 'TE', 'trailers',
]; // prettier-ignore

describe('headers', () => {
  it('to the endpoint are the client’s except those of the connection', () => {
    expect(requestHeaders(RAW)).toEqual([
      'X-Api-Key', 'caller', 'Authorization', 'Bearer caller',
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two',
    ]); // prettier-ignore
  });

  it('carry the endpoint’s own credential in place of the client’s', () => {
    expect(requestHeaders(RAW, { credential: ['x-api-key', 'own'] })).toEqual([
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'x-api-key', 'own',
    ]); // prettier-ignore
  });

  it('carry the endpoint’s own key as a bearer token where it expects one', () => {
    expect(requestHeaders(RAW, { credential: ['authorization', 'Bearer own'] })).toEqual([
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'authorization', 'Bearer own',
    ]); // prettier-ignore
  });

  it('carry the agent’s own values in place of the client’s', () => {
    expect(requestHeaders(RAW, { headers: [['anthropic-beta', 'ours']] })).toEqual([
      'X-Api-Key', 'caller', 'Authorization', 'Bearer caller', 'anthropic-beta', 'ours',
    ]); // prettier-ignore
  });

  it.each([
    ['gzip, deflate, br, zstd', 'gzip, deflate, zstd'],
    ['br;q=1.0, gzip', 'gzip'],
    ['Br', 'identity'],
    ['gzip', 'gzip'],
    ['brotli, *;q=0.1', 'brotli, *;q=0.1'],
  ])('that accept %s ask the endpoint for %s', (accepted, asked) => {
    expect(requestHeaders(['Accept-Encoding', accepted])).toEqual(['Accept-Encoding', asked]);
  });

  it('to the client keep order, case and repetition', () => {
    const raw = ['Set-Cookie', 'a', 'Transfer-Encoding', 'chunked', 'Set-Cookie', 'b'];
    expect(responseHeaders(raw)).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b']);
  });
});

describe('the headers that identify a client', () => {
  it('are all forwarded ones, in one order for any order and case', () => {
    const headers = ['X-Portkey-Api-Key', 'p', 'Cookie', 'c=1', 'authorization', 'Bearer a'];
    const same = ['AUTHORIZATION', 'Bearer a', 'cookie', 'c=1', 'x-portkey-api-key', 'p'];
    const expected = ['authorization: Bearer a', 'cookie: c=1', 'x-portkey-api-key: p'];
    expect([identityHeaders(headers), identityHeaders(same)]).toEqual([expected, expected]);
  });

  it('are empty for a request with only harmless headers', () => {
    const headers = [
      ...['Host', 'agent', 'Content-Length', '7', 'Content-Type', 'application/json'],
      ...['Connection', 'x-hop, keep-alive', 'X-Hop', '1', 'User-Agent', 'sdk/1'],
      ...['x-stainless-retry-count', '1', 'traceparent', '00-1', 'anthropic-version', '2023-06-01'],
    ];
    expect(identityHeaders(headers)).toEqual([]);
  });

  it('include a repeated header, and one that a proxy adds about the user', () => {
    const headers = ['x-forwarded-user', 'ada', 'cookie', 'b', 'cookie', 'a'];
    expect(identityHeaders(headers)).toEqual(['cookie: a', 'cookie: b', 'x-forwarded-user: ada']);
  });
});
