import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesBackwards } from './linesBackwards.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lines-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function all(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesBackwards(path)) lines.push(line);
  return lines;
}

it.each([1, 100, 40_000, 70_000, 200_000])(
  'reads lines of up to %i characters from the last to the first',
  async (length) => {
    const lines = Array.from({ length: 20 }, (_, i) => `${i} ${'ü'.repeat((length * i) / 20)}`);
    const path = join(directory, `${length}`);
    await writeFile(path, lines.map((line) => `${line}\n`).join(''));
    expect(await all(path)).toEqual(lines.toReversed());
  },
);

it('a missing file has no lines', async () => {
  expect(await all(join(directory, 'none'))).toEqual([]);
});
