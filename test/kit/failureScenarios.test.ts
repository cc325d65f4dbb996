import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/failure-scenarios.md'), 'utf8');

/** First and second cell of each row of the table. */
const ROWS = PAGE.split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, fails, seen]) => [fails!, seen!] as const);

/** The tests that a cell names, each as its file and the beginning of its title. */
function named(cell: string): [file: string, title: string][] {
  return [...cell.matchAll(/`([\w./]+\.test\.ts)`: ([^;)]+)/g)].map(([, file, text]) => [
    file!,
    text!.replace(/, (?:in the test's|without a) process$/, '').replaceAll('…', '%s'),
  ]);
}

/** Titles of the tests in a file, and of what groups them. */
function titles(file: string): string[] {
  const path = join(ROOT, file);
  if (!existsSync(path)) return [];
  const calls = /\((['"`])((?:(?!\1).)+)\1,\s*(?:async\s*)?(?:\(|function|\w+ =>)/g;
  return [...readFileSync(path, 'utf8').matchAll(calls)].map(([, , title]) => title!);
}

describe('docs/failure-scenarios.md', () => {
  it('has its table', () => {
    expect(ROWS.length).toBeGreaterThan(50);
  });

  it.each(ROWS)('names a test that exists for: %s', (_fails, seen) => {
    const tests = named(seen);
    expect(tests).not.toEqual([]);
    for (const [file, title] of tests)
      expect(titles(file)).toContainEqual(expect.stringContaining(title));
  });
});
