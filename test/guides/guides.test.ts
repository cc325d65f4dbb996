import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingTitles } from '../../lint/testTitles.ts';
import { guides, guidesPage, rowsOf } from './page.ts';

/** Rows that are not there yet. The list may only shrink. */
const NOT_YET = [
  'Health checks: check of the model by its cheapest call',
  'Health checks: 5 s for a check of the model',
  'Audit: on without a setting, in memory',
  'Audit: an attempt and its result told apart',
];

const rows = rowsOf(guides());
const nameOf = ({ section, what }: (typeof rows)[number]): string => `${section}: ${what}`;

describe('each row of the guides', () => {
  it('names tests that exist, unless it says what is missing', () => {
    const faults = rows.flatMap((row) => {
      const { tests = {}, notYet } = row;
      if (Object.keys(tests).length === 0)
        return notYet === undefined ? [`${nameOf(row)} names no test`] : [];
      return missingTitles(tests).map((title) => `${nameOf(row)} names no test of ${title}`);
    });
    expect(faults).toEqual([]);
  });

  it('names a test by more than a placeholder', () => {
    const titles = rows.flatMap(({ tests = {} }) => Object.values(tests).flat());
    expect(titles.filter((title) => title.length < 8)).toEqual([]);
  });

  it('is there, but for those of a list that only shrinks', () => {
    expect(rows.filter(({ notYet }) => notYet !== undefined).map(nameOf)).toEqual(NOT_YET);
  });

  it('is told apart from the others of its section', () => {
    expect(new Set(rows.map(nameOf)).size).toBe(rows.length);
  });
});

it('docs/reference/guides.md is made of the tables; else run make generate', () => {
  const page = join(import.meta.dirname, '../../docs/reference/guides.md');
  expect(readFileSync(page, 'utf8')).toBe(guidesPage(guides()));
});
