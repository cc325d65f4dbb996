import { expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { filesWithWords, forbidden, found, textOf } from './words.ts';

const WORDS = forbidden(textOf('docs/glossary.md'));

it('no source and no page has a word that the glossary forbids', () => {
  const faults = filesWithWords()
    .filter((file) => existsSync(file))
    .flatMap((file) => found(textOf(file), WORDS).map((each) => `${file}:${each}`));
  expect(faults).toEqual([]);
});

it('a forbidden word is named with its line and with the word to write', () => {
  expect(WORDS.get('is graver now')).toBe('escalated');
  expect(found('Led\nfine\nit is graver now, by all means', WORDS)).toEqual([
    `1: Led, write ${WORDS.get('Led')}`,
    '3: is graver now, write escalated',
  ]);
  expect(found('Ledger, LED', WORDS)).toEqual([]);
});
