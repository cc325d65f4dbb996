import { describe, expect, it } from '@jest/globals';
import { truncate } from './wording.ts';

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
