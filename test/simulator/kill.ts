import { readdir, readFile } from 'node:fs/promises';

/**
 * Sends SIGKILL to the processes of a container, found by its id in their cgroup. Must run in the
 * host's process namespace. Returns how many there were.
 */
export async function killByContainer(id: string, proc = '/proc'): Promise<number> {
  if (id.length < 12) throw new Error('a container id is longer than that');
  const entries = await readdir(proc);
  let killed = 0;
  for (const entry of entries.filter((name) => /^\d+$/.test(name))) {
    const cgroup = await readFile(`${proc}/${entry}/cgroup`, 'utf8').catch(() => '');
    if (!cgroup.includes(id)) continue;
    process.kill(Number(entry), 'SIGKILL');
    killed += 1;
  }
  return killed;
}
