import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { killByContainer } from './kill.ts';

const ID = '0123456789abcdef';

describe('killByContainer', () => {
  let proc: string;

  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'proc-'));
  });

  afterEach(() => rm(proc, { recursive: true }));

  const processIn = async (pid: number, cgroup: string): Promise<void> => {
    await mkdir(join(proc, String(pid)));
    await writeFile(join(proc, String(pid), 'cgroup'), cgroup);
  };

  it('kills the processes of that container and no other', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    await once(child, 'spawn');
    await processIn(child.pid!, `0::/../../pod1/${ID}\n`);
    await processIn(process.pid, '0::/../../pod1/fedcba9876543210\n');
    await mkdir(join(proc, 'sys'));
    const ended = once(child, 'exit');
    expect(await killByContainer(ID, proc)).toBe(1);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('refuses an id that could be part of any path', async () => {
    await expect(killByContainer('', proc)).rejects.toThrow('container id');
  });
});
