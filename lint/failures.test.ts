import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failureGroups, failuresPage } from './failures.ts';
import { missingTitles } from './testTitles.ts';

const ROOT = join(import.meta.dirname, '..');

const failures = failureGroups().flatMap(({ group, failures: all }) =>
  all.map((failure) => ({ ...failure, name: `${group}: ${failure.what}` })),
);

it.each(failures)('docs/failures.yaml names a test that exists for $name', ({ tests }) => {
  expect(Object.keys(tests)).not.toEqual([]);
  expect(missingTitles(tests)).toEqual([]);
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
