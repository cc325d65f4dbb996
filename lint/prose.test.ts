import { expect, it } from '@jest/globals';
import { countWords, longSentences } from './prose.ts';

const words = (count: number): string => Array.from({ length: count }, () => 'word').join(' ');

it('a sentence above 30 words is named with its line', () => {
  expect(longSentences(`# Title\n\nShort. ${words(20)}\n${words(11)}. End.`)).toEqual([
    `3: 31 words: ${words(20).slice(0, 40)}`,
  ]);
  expect(longSentences(`${words(30)}.`)).toEqual([]);
});

it('sentences end at full stops, and at the ends of items and paragraphs', () => {
  expect(longSentences(`${words(20)}. ${words(20)}`)).toEqual([]);
  expect(longSentences(`- ${words(20)}\n- ${words(20)}`)).toEqual([]);
  expect(longSentences(`${words(20)}\n\n${words(20)}`)).toEqual([]);
});

it('code, tables and headings are no sentences, and a span of code is one word', () => {
  expect(longSentences(`\`\`\`\n${words(40)}\n\`\`\``)).toEqual([]);
  expect(longSentences(`| ${words(40)} |`)).toEqual([]);
  expect(longSentences(`## ${words(40)}`)).toEqual([]);
  expect(longSentences(`${words(20)} \`${words(20)}\`.`)).toEqual([]);
  expect(longSentences(`${words(20)} [it](a b c d e f g h i j k).`)).toEqual([]);
});

it('words have a letter or a digit', () => {
  expect(countWords('| one | 2 |\n| --- | --- |')).toBe(2);
});
