import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { until } from '../testing/until.ts';
import { FileWatcher } from './file.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(directory: string, pollMs: number): Promise<string[]> {
  const texts: string[] = [];
  const watcher = new FileWatcher({
    directory,
    files: { 'configuration.json': (text) => texts.push(text) },
    log: pino({ level: 'silent' }),
    pollMs,
  });
  cleanups.push(() => watcher.close());
  await watcher.start();
  return texts;
}

/** Replaces a volume's content as the kubelet does. */
async function swap(directory: string, version: string, text: string): Promise<void> {
  await mkdir(join(directory, version));
  await writeFile(join(directory, version, 'configuration.json'), text);
  await symlink(version, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
}

async function volume(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'volume-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  await symlink('..data/configuration.json', join(directory, 'configuration.json'));
  return directory;
}

describe('FileWatcher', () => {
  it('notices that a mounted volume is replaced', async () => {
    const directory = await volume();
    await swap(directory, '..v1', 'one');
    const texts = await setup(directory, 3_600_000);
    expect(texts).toEqual(['one']);
    await swap(directory, '..v2', 'two');
    await until(() => texts.length === 2);
    expect(texts).toEqual(['one', 'two']);
  });

  it('notices a file in a directory that is created later', async () => {
    const directory = await volume();
    const late = join(directory, 'late');
    const texts = await setup(late, 20);
    await mkdir(late);
    await writeFile(join(late, 'configuration.json'), 'there');
    await until(() => texts.length > 0);
    expect(texts.at(-1)).toBe('there');
  });
});
