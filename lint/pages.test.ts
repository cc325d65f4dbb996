import { expect, it } from '@jest/globals';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOf, PAGES } from './pages.ts';

const docs = join(import.meta.dirname, '../docs');

it('every page of docs/ is in the sidebar of the site', () => {
  expect(faultsOf(globSync('{*,{reference,runbooks,decisions}/*}.md', { cwd: docs }))).toEqual([]);
});

it('an orphan and a page that is gone are named', () => {
  const [gone = '', ...rest] = Object.values(PAGES).flat();
  const files = [...rest, 'new', 'runbooks/New'].map((path) => `${path}.md`);
  expect(faultsOf(files)).toEqual([
    'docs/new.md is an orphan: list it in lint/pages.ts',
    `lint/pages.ts lists ${gone}, and there is no docs/${gone}.md`,
  ]);
});
