/** Makes docs/reference/guides.md of the tables beside it, one for each of the two guides that Breakwater was built after. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const PAGE = join(import.meta.dirname, '../../docs/reference/guides.md');

/** A name, figure, endpoint, metric, alert, event, recipe or practice of a guide. */
export interface Row {
  /** What the guide has, in a few words. */
  what: string;
  /** What is here instead: field, name or page. */
  here: string;
  /** Beginnings of the titles of tests that assert it, by file. Absent: `notYet`. */
  tests?: Record<string, string | string[]>;
  /** Why it differs on purpose. */
  departs?: string;
  /** What is missing. */
  notYet?: string;
}

export interface Section {
  section: string;
  /** Page under docs/ that says more. */
  page?: string;
  rows: Row[];
}

export interface Guide {
  guide: string;
  sections: Section[];
}

export function guides(): Guide[] {
  return ['performance', 'infrastructure'].map(
    (name) => parse(readFileSync(join(import.meta.dirname, `${name}.yaml`), 'utf8')) as Guide,
  );
}

export const rowsOf = (all: readonly Guide[]): (Row & { section: string })[] =>
  all.flatMap(({ sections }) =>
    sections.flatMap(({ section, rows }) => rows.map((row) => ({ ...row, section }))),
  );

const INTRODUCTION = `# The guides

Breakwater was built after two guides: one on performance and monitoring of agents, one on their infrastructure. This page has each
name, figure, endpoint, metric, alert, event, recipe and practice of both, what is here, and the test that asserts it.
`;

export function guidesPage(all: readonly Guide[]): string {
  const rows = rowsOf(all);
  const departures = rows.filter(({ departs }) => departs !== undefined);
  const missing = rows.filter(({ notYet }) => notYet !== undefined);
  return [
    INTRODUCTION,
    `Of ${rows.length} rows, ${missing.length} are [not there yet](#not-yet), and ${departures.length} ` +
      '[differ on purpose](#what-differs-on-purpose).\n',
    '## What differs on purpose\n',
    table(
      ['the guides', 'here', 'why'],
      departures.map(({ what, here, departs }) => [what, here, departs!]),
    ),
    '## Not yet\n',
    table(
      ['the guides', 'here', 'what is missing'],
      missing.map(({ what, here, notYet }) => [what, here, notYet!]),
    ),
    ...all.flatMap(({ guide, sections }) => [`## ${guide} guide\n`, ...sections.map(sectionOf)]),
  ].join('\n');
}

function sectionOf({ section, page, rows }: Section): string {
  const more = page === undefined ? '' : `More: [${page}](${linkTo(page)}).\n\n`;
  const cells = rows.map((row) => [row.what, row.here, testsOf(row)]);
  return `### ${section}\n\n${more}${table(['the guide', 'here', 'test'], cells)}`;
}

function testsOf({ tests = {}, notYet }: Row): string {
  const named = Object.entries(tests).map(
    ([file, titles]) => `[${file}](../../${file}): ${[titles].flat().map(plain).join('; ')}`,
  );
  return [...(notYet === undefined ? [] : ['not yet']), ...named].join('<br>');
}

/** Titles of tests have placeholders, and characters that Markdown would read. */
const plain = (title: string): string => `\`${title}\``;

/** From docs/reference/. */
const linkTo = (page: string): string =>
  page.startsWith('reference/') ? page.slice('reference/'.length) : `../${page}`;

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

if (import.meta.main) {
  const all = guides();
  const rows = rowsOf(all);
  writeFileSync(PAGE, guidesPage(all));
  console.log(`figure guides_rows ${rows.length}`);
  console.log(`figure guides_missing ${rows.filter(({ notYet }) => notYet !== undefined).length}`);
}
