/** Finds words that docs/glossary.md forbids. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const HEADING = '## Words not to use';
/** Where users and maintainers read today's words. Decisions and the changelog keep those of their day. */
const READ = ['*.ts', '*.md', 'crds/*.yaml', 'charts/*.yaml'];
const LEFT_OUT = [
  'docs/glossary.md',
  'docs/decisions',
  'CHANGELOG.md',
  'test',
  'lint',
  '*.test.ts',
];

/** The words of the table, with what to write instead. */
export function forbidden(glossary: string): Map<string, string> {
  const table = glossary.slice(glossary.indexOf(HEADING));
  const rows = table.matchAll(/^\| `([^`]+)`\s*\| (.*?)\s*\|$/gm);
  return new Map([...rows].map(([, word = '', instead = '']) => [word, instead]));
}

/** Where a text has such words, as LINE: WORD. A word within another one does not count. */
export function found(text: string, words: ReadonlyMap<string, string>): string[] {
  const any = [...words.keys()].join('|');
  const pattern = new RegExp(`\\b(?:${any})\\b`);
  return text.split('\n').flatMap((line, index) => {
    const word = pattern.exec(line)?.[0];
    return word === undefined ? [] : [`${index + 1}: ${word}, write ${words.get(word)}`];
  });
}

/** The files in which words are looked for. */
export function filesWithWords(): string[] {
  const left = LEFT_OUT.map((path) => `:!${path}`);
  const listed = execFileSync('git', ['ls-files', '--', ...READ, ...left], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listed.split('\n').filter((file) => file !== '');
}

export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
