import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiKeys } from './apiKeys.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Time of the processor that this thread takes for some work, in milliseconds. */
function costOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

const lookUps = (keys: ApiKeys, count: number) => (): void => {
  for (let i = 0; i < count; i += 1) keys.clientOf(directory, `no-key-${i}`);
};

describe('API keys', () => {
  it('are found among 16,000 as fast as among few', async () => {
    const all = Array.from({ length: 16_000 }, (_, i) => `key-${i}`);
    await writeFile(join(directory, 'many'), all.join('\n'));
    const keys = new ApiKeys(() => 0);
    expect(keys.clientOf(directory, 'key-15999')).toBe('many');
    lookUps(keys, 100)();
    expect(costOf(lookUps(keys, 1000))).toBeLessThan(200);
  });

  it('belong to the last file that has them', async () => {
    await writeFile(join(directory, 'alice'), 'one\ntwo\n');
    await writeFile(join(directory, 'bob'), ' two \n\n');
    const keys = new ApiKeys(() => 0);
    const names = ['one', 'two', 'tw', '', 'constructor'].map((key) =>
      keys.clientOf(directory, key),
    );
    expect(names).toEqual(['alice', 'bob', undefined, undefined, undefined]);
  });

  it('follow what the kubelet mounts anew', async () => {
    const mount = async (version: string, key: string): Promise<void> => {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'alice'), key);
      await symlink(version, join(directory, '..next'));
      await rename(join(directory, '..next'), join(directory, '..data'));
    };
    await mount('..1', 'old');
    await symlink(join('..data', 'alice'), join(directory, 'alice'));
    let now = 0;
    const keys = new ApiKeys(() => now);
    expect(keys.clientOf(directory, 'old')).toBe('alice');
    await mount('..2', 'new');
    now += 1000;
    expect([keys.clientOf(directory, 'old'), keys.clientOf(directory, 'new')]).toEqual([
      undefined,
      'alice',
    ]);
  });
});
