import { describe, expect, it } from '@jest/globals';
import { compareRevisions, formatRevision, parseRevision } from './revision.ts';

const revision = (term: number, counter: number): { term: number; counter: number } => ({
  term,
  counter,
});

describe('compareRevisions', () => {
  it.each([
    [revision(1, 1), revision(1, 1), 0],
    [revision(1, 2), revision(1, 1), 1],
    [revision(1, 9), revision(2, 1), -1],
    [revision(2, 0), revision(1, 9), 1],
    [revision(1, 9), revision(1, 10), -1],
  ])('%j against %j', (a, b, expected) => {
    expect(Math.sign(compareRevisions(a, b))).toBe(expected);
  });
});

describe('formatRevision and parseRevision', () => {
  it.each([revision(0, 0), revision(3, 7), revision(2_147_483_647, 1)])('agree on %j', (value) => {
    expect(parseRevision(formatRevision(value))).toEqual(value);
  });

  it.each(['', '3', '3-', '-7', '3-7-1', 'a-b', '03-7', ' 3-7', '3.5-1', '9999999999999999-1'])(
    'reads no revision in %j',
    (text) => {
      expect(parseRevision(text)).toBeUndefined();
    },
  );
});
