import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** First cell of each row of a page's first table after `from`, and the cell that names tests. */
function rowsOf(page: string, from: string, column: number): (readonly [string, string])[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const [table = ''] = /^\|.*\n(?:\|.*\n)*/m.exec(text.slice(text.indexOf(from))) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => [cells[1]!, cells[column]!] as const);
}

const PAGES = [
  {
    page: 'docs/failure-scenarios.md',
    rows: rowsOf('docs/failure-scenarios.md', '# ', 2),
    least: 51,
  },
  {
    page: 'docs/limits.md',
    rows: rowsOf('docs/limits.md', '## When something is gone', 5),
    least: 9,
  },
  {
    page: 'docs/limits.md, of providers',
    rows: rowsOf('docs/limits.md', 'For limits that a provider states:', 3),
    least: 4,
  },
];

/** The tests that a cell names, each as its file and the beginning of its title. */
function named(cell: string): [file: string, title: string][] {
  return [...cell.matchAll(/`([\w./]+\.test\.ts)`: ([^;)]+)/g)].map(([, file, text]) => [
    file!,
    text!.replace(/, (?:in the test's|without a) process$/, '').replaceAll('…', '%s'),
  ]);
}

/** Titles of the tests and groups in a file. */
function titles(file: string): string[] {
  const path = join(ROOT, file);
  if (!existsSync(path)) return [];
  const calls = /\((['"`])((?:(?!\1).)+)\1,\s*(?:async\s*)?(?:\(|function|\w+ =>)/g;
  return [...readFileSync(path, 'utf8').matchAll(calls)].map(([, , title]) => title!);
}

describe.each(PAGES)('$page', ({ rows, least }) => {
  it('has all rows of its table', () => {
    expect(rows.length).toBeGreaterThanOrEqual(least);
  });

  it.each(rows)('names a test that exists for: %s', (_fails, seen) => {
    const tests = named(seen);
    expect(tests).not.toEqual([]);
    for (const [file, title] of tests)
      expect(titles(file)).toContainEqual(expect.stringContaining(title));
  });
});

describe('docs/circuits.md', () => {
  const tests = titles('operator/fleet/circuits/fleetCircuits.test.ts');
  const rows = rowsOf('docs/circuits.md', '## When something is gone', 3);

  it.each(rows)('names a test that exists for: %s', (_gone, title) => {
    expect(tests).toContain(title);
  });
});
