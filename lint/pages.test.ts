import { expect, it } from '@jest/globals';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS } from '../runtime/observe/trace/names.ts';
import { AUDIT_TYPES } from '../contract/audit.ts';
import { deadLinks } from './links.ts';
import { faultsOf, GUIDES, MOVED, PAGES } from './pages.ts';
import { longSentences } from './prose.ts';

const docs = join(import.meta.dirname, '../docs');
const files = globSync('{*,{reference,runbooks,decisions}/*}.md', { cwd: docs });
const textOf = (file: string): string => readFileSync(join(docs, file), 'utf8');

it('every page of docs/ is in the sidebar of the site', () => {
  expect(faultsOf(files)).toEqual([]);
});

it('an orphan and a page that is gone are named', () => {
  const [gone = '', ...rest] = Object.values(PAGES).flat();
  const listed = [...rest, 'new', 'runbooks/New'].map((path) => `${path}.md`);
  expect(faultsOf(listed)).toEqual([
    'docs/new.md is an orphan: list it in lint/pages.ts',
    `lint/pages.ts lists ${gone}, and there is no docs/${gone}.md`,
  ]);
});

it.each(Object.entries(MOVED))('the former path %s leads to a heading of %s', (from, to) => {
  const [page, anchor] = to.split('#');
  const link = `[it](${page}.md${anchor === undefined ? '' : `#${anchor}`})`;
  const exists = (file: string): boolean => files.includes(file);
  expect(deadLinks('index.md', link, exists, textOf)).toEqual([]);
  expect(files).not.toContain(`${from}.md`);
});

it('no sentence of a guide and of the README has more than 30 words', () => {
  const long = ['../README', ...GUIDES].map((page) => [page, longSentences(textOf(`${page}.md`))]);
  expect(Object.fromEntries(long.filter(([, sentences]) => sentences!.length > 0))).toEqual({});
});

it('the page of logs, spans and events has every event of a span and of the audit', () => {
  const rows = Array.from(
    textOf('reference/logs-spans-events.md').matchAll(/^\| (`\w[^|]*?) +\|/gm),
    ([, cell]) => Array.from(cell!.matchAll(/`([\w.]+)`/g), ([, name]) => name!),
  ).flat();
  expect(rows.filter((name) => name.startsWith('breakwater.')).toSorted()).toEqual(
    Object.values(EVENTS).toSorted(),
  );
  expect(rows.filter((name) => /^[A-Z]/.test(name)).toSorted()).toEqual(AUDIT_TYPES.toSorted());
});

it('the page of routes has every debug page of a pod', () => {
  const code = readFileSync(join(docs, '../runtime/observe/debug.ts'), 'utf8');
  const served = Array.from(code.matchAll(/^ +'(\/debug\/\w+)':/gm), ([, path]) => path!);
  const rows = textOf('reference/routes.md').matchAll(/^\| `(\/debug\/\w+)` +\|/gm);
  expect(Array.from(rows, ([, path]) => path!).toSorted()).toEqual(served.toSorted());
});

it('the page of attacks names tests that exist', () => {
  const page = textOf('reference/attacks.md');
  const named = Array.from(page.matchAll(/`([\w/.-]+\.test\.ts)`/g), ([, path]) => path!);
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((path) => !existsSync(join(docs, '..', path)))).toEqual([]);
});
