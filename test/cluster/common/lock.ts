import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { say, waitFor } from './step.ts';

const PATIENCE = 20 * 60_000;

/** Runs `work` while this process holds the lock file. Takes over the lock of a process that has ended. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  if (!(await take(path))) {
    say(`    waiting for process ${(await holder(path)) ?? ''}, which works on the same cluster`);
    await waitFor(`the lock ${path}`, PATIENCE, () => take(path));
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  const write = (): Promise<boolean> =>
    writeFile(path, String(process.pid), { flag: 'wx' }).then(
      () => true,
      () => false,
    );
  if (await write()) return true;
  const pid = await holder(path);
  if (pid === undefined || isAlive(pid)) return false;
  await rm(path, { force: true });
  return write();
}

async function holder(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  return pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
