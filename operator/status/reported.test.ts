import { expect, it } from '@jest/globals';
import { reportedText } from './reported.ts';

it('a reported text never contains half a surrogate pair', () => {
  for (const text of ['a\ud83db', '\ude00', 'ab\ud83d', 'abc\ud83d\ude00']) {
    for (const length of [2, 3, 4, 100])
      expect(reportedText(text, length).isWellFormed()).toBe(true);
  }
  expect(reportedText('a\n\ud83d\ude00', 10)).toBe('a \ud83d\ude00');
});
