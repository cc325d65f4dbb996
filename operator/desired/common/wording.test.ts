import { describe, expect, it } from '@jest/globals';
import { sentences, truncate } from './wording.ts';

describe('truncate', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['a😀bcd', 3, 'a…'],
    ['a😀bcd', 4, 'a😀…'],
  ])('cuts %s to %i characters and never within a character', (text, length, expected) => {
    expect(truncate(text, length)).toBe(expected);
    expect(truncate(text, length).isWellFormed()).toBe(true);
  });
});

it('sentences end where another one follows', () => {
  const texts = ['the name is taken; use another', 'It stays.', 'cut…', '0/1 pods are ready'];
  expect(sentences(texts)).toBe(
    'the name is taken; use another. It stays. cut… 0/1 pods are ready',
  );
  expect(sentences([])).toBe('');
});
