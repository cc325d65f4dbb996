import { describe, expect, it } from '@jest/globals';
import { requestHeaders, responseHeaders } from './headers.ts';

const RAW = [
  'Host', 'agent', 'X-Api-Key', 'caller', 'Authorization', 'Bearer caller',
  'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'Content-Length', '5',
  'Connection', 'keep-alive, X-Private', 'X-Private', 'here', 'TE', 'trailers',
]; // prettier-ignore

describe('headers', () => {
  it('to the endpoint are the client’s but for those of the connection', () => {
    expect(requestHeaders(RAW)).toEqual([
      'X-Api-Key', 'caller', 'Authorization', 'Bearer caller',
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two',
    ]); // prettier-ignore
  });

  it('carry the endpoint’s own credential in place of the client’s', () => {
    expect(requestHeaders(RAW, { key: 'own' })).toEqual([
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'x-api-key', 'own',
    ]); // prettier-ignore
  });

  it('carry the endpoint’s own key as a bearer token where it expects one', () => {
    expect(requestHeaders(RAW, { key: 'own', scheme: 'Bearer' })).toEqual([
      'Anthropic-Beta', 'one', 'Anthropic-Beta', 'two', 'authorization', 'Bearer own',
    ]); // prettier-ignore
  });

  it('carry the agent’s own values in place of the client’s', () => {
    expect(requestHeaders(RAW, { headers: [['anthropic-beta', 'ours']] })).toEqual([
      'X-Api-Key', 'caller', 'Authorization', 'Bearer caller', 'anthropic-beta', 'ours',
    ]); // prettier-ignore
  });

  it('to the caller keep order, case and repetition', () => {
    const raw = ['Set-Cookie', 'a', 'Transfer-Encoding', 'chunked', 'Set-Cookie', 'b'];
    expect(responseHeaders(raw)).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b']);
  });
});
