import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropTornLine, replaceFile } from './files.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'files-'));
  path = join(directory, 'lines');
});
afterEach(() => rm(directory, { recursive: true }));

it('replaceFile leaves one file, which only its owner may read', async () => {
  for (const text of ['first', 'other']) await replaceFile(path, text);
  expect(await readdir(directory)).toEqual(['lines']);
  expect(await readFile(path, 'utf8')).toBe('other');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

describe('dropTornLine', () => {
  const LONG = 'x'.repeat(200_000);
  it.each([
    ['whole lines', 'one\ntwo\n', 'one\ntwo\n'],
    ['half a line', 'one\ntw', 'one\n'],
    ['half a long line', `one\n${LONG}`, 'one\n'],
    ['a long line and half a one', `${LONG}\ntw`, `${LONG}\n`],
    ['only half a line', LONG, ''],
    ['nothing', '', ''],
  ])('keeps the whole lines of %s', async (_, before, after) => {
    await writeFile(path, before);
    expect(await dropTornLine(path)).toBe(after.length);
    expect(await readFile(path, 'utf8')).toBe(after);
  });

  it('takes a missing file for an empty one', async () => {
    expect(await dropTornLine(path)).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });
});
