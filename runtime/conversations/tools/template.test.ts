import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { InputError, fill } from './template.ts';

describe('fill', () => {
  it('inserts the input, encoded for its place, and returns the rest', () => {
    const { url, rest, named } = fill('https://a.example/x/{id}?q={text}&n={n}', {
      id: 'a/b c',
      text: 'x&y=#1',
      n: 7,
      other: [1],
    });
    expect(url.href).toBe('https://a.example/x/a%2Fb%20c?q=x%26y%3D%231&n=7');
    expect({ rest, named }).toEqual({ rest: { other: [1] }, named: true });
  });

  it('recognises input in the host', () => {
    const { url, named } = fill('https://{region}.example.com:{port}/', {
      region: 'eu-1',
      port: 1234,
    });
    expect([url.href, named]).toEqual(['https://eu-1.example.com:1234/', false]);
  });

  it.each([
    ['https://a/{id}', {}, 'id is missing'],
    ['https://a/{id}', { id: '' }, 'id is missing'],
    ['https://a/{id}', { id: { x: 1 } }, 'no text or number'],
    ['https://a/{constructor}', {}, 'constructor is missing'],
    ['https://a/x/{id}/y', { id: '..' }, 'leads out of the path'],
    ['https://a/x/{id}.', { id: '.' }, 'leads out of the path'],
    ['https://a/x/{id}', { id: '.' }, 'leads out of the path'],
    ['https://{host}/', { host: 'evil.example/x?' }, 'no part of a host name'],
    ['https://{host}/', { host: 'user@evil' }, 'no part of a host name'],
    ['https://{host}.example.com/', { host: 'evil#' }, 'no part of a host name'],
  ])('refuses %s with %j', (template, input, message) => {
    expect(() => fill(template, input)).toThrow(InputError);
    expect(() => fill(template, input)).toThrow(message);
  });

  it('never lets input change the origin, the depth of the path or the names in the query', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (value) => {
        try {
          const { url } = fill('https://a.example/x/{v}/y?k={v}', { v: value });
          expect(url.origin).toBe('https://a.example');
          expect(url.pathname.split('/')).toHaveLength(4);
          expect([...url.searchParams]).toEqual([['k', value.toWellFormed()]]);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
