import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Titles of the tests and groups in a file; none of a file that does not exist. */
export function titlesIn(file: string): string[] {
  const path = join(ROOT, file);
  if (!existsSync(path)) return [];
  const calls = /(?:\b(?:it|describe)|[\])])\(\s*(['"`])((?:(?!\1).)+)\1,/g;
  return [...readFileSync(path, 'utf8').matchAll(calls)].map(([, , title]) => title!);
}

/** Titles among those of `tests` (beginnings or parts by file) that no test has, as FILE: TITLE. */
export function missingTitles(tests: Readonly<Record<string, string | string[]>>): string[] {
  return Object.entries(tests).flatMap(([file, parts]) => {
    const titles = titlesIn(file);
    return [parts]
      .flat()
      .filter((part) => !titles.some((title) => title.includes(part)))
      .map((part) => `${file}: ${part}`);
  });
}
