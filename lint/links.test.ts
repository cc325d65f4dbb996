import { describe, expect, it } from '@jest/globals';
import { deadLinks } from './links.ts';

const FILES: Record<string, string> = {
  'docs/other.md': '# One _thing_\n\n## `why`, and *what*: 5 %\n\n## Twice\n\n## Twice\n',
  'docs/images/picture.svg': '',
};

const dead = (text: string): string[] =>
  deadLinks(
    'docs/page.md',
    text,
    (path) => path === 'docs/page.md' || path in FILES,
    (path) => FILES[path] ?? text,
  );

describe('links between documents', () => {
  it.each([
    'See [it](other.md) and [that](other.md#one-thing), ![picture](images/picture.svg).',
    '[why](other.md#why-and-what-5-)',
    '[the second](other.md#twice-1)',
    '# Here\n\n[up](#here)',
    '[elsewhere](https://example.com/none.md), [mail](mailto:a@example.com)',
    'Code has none: `[a](none.md)`\n\n```\n[b](none.md)\n```\n',
    '[it]: other.md',
  ])('may lead to a file or a heading: %s', (text) => {
    expect(dead(text)).toEqual([]);
  });

  it.each([
    ['text\n[it](none.md)', 'docs/page.md:2: none.md leads to no file'],
    ['[it](other.md#two-things)', 'docs/page.md:1: other.md#two-things leads to no heading'],
    ['[up](#here)', 'docs/page.md:1: #here leads to no heading'],
    ['![picture](images/none.svg)', 'docs/page.md:1: images/none.svg leads to no file'],
    ['[it]: none.md', 'docs/page.md:1: none.md leads to no file'],
    ['```\n# Here\n```\n[up](#here)', 'docs/page.md:4: #here leads to no heading'],
  ])('are reported when they do not: %s', (text, expected) => {
    expect(dead(text)).toEqual([expected]);
  });
});
