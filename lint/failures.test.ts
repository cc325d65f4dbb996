import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failureGroups, failuresPage } from './failures.ts';

const ROOT = join(import.meta.dirname, '..');

/** Titles of the tests and groups in a file. */
function titles(file: string): string[] {
  const path = join(ROOT, file);
  if (!existsSync(path)) return [];
  const calls = /\((['"`])((?:(?!\1).)+)\1,\s*(?:async\s*)?(?:\(|function|\w+ =>)/g;
  return [...readFileSync(path, 'utf8').matchAll(calls)].map(([, , title]) => title!);
}

const failures = failureGroups().flatMap(({ group, failures: all }) =>
  all.map((failure) => ({ ...failure, name: `${group}: ${failure.what}` })),
);

it.each(failures)('docs/failures.yaml names a test that exists for $name', ({ tests }) => {
  const named = Object.entries(tests);
  expect(named).not.toEqual([]);
  for (const [file, beginnings] of named)
    for (const beginning of beginnings)
      expect(titles(file)).toContainEqual(expect.stringContaining(beginning));
});

describe('the page of failures', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/failures.md'), 'utf8');

  it('is made of docs/failures.yaml', () => {
    expect(page).toBe(failuresPage(failureGroups()));
  });

  it('has no other row of three cells', () => {
    const rows = page.split('\n').filter((line) => /^\| (?!---|what fails)/.test(line));
    expect(rows).toHaveLength(failures.length);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(5);
  });
});
