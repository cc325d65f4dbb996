import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Creates the parent cgroup of all pods in every hierarchy. The kubelet requires it. */
export async function ensureCgroup(name: string): Promise<void> {
  for (const { root, unified } of hierarchies()) {
    if (unified) await delegateControllers(root);
    await mkdir(join(root, name), { recursive: true });
  }
}

/** Ids of the processes in the cgroup and below. */
export function processesInCgroup(name: string): number[] {
  const pids = hierarchies().flatMap(({ root }) => processesBelow(join(root, name)));
  return [...new Set(pids)];
}

/** Removes the cgroup and all below it. They must hold no process. */
export async function removeCgroup(name: string): Promise<void> {
  for (const { root } of hierarchies()) await removeBelow(join(root, name));
}

interface Hierarchy {
  root: string;
  /** cgroup v2 */
  unified: boolean;
}

function hierarchies(): Hierarchy[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const v1 = mounts.filter(([, , type]) => type === 'cgroup');
  const v2 = mounts.filter(([, , type]) => type === 'cgroup2');
  return [...v1, ...v2].map(([, path, type]) => ({ root: path!, unified: type === 'cgroup2' }));
}

/** Gives children of the root every controller. */
async function delegateControllers(root: string): Promise<void> {
  const controllers = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ');
  for (const controller of controllers)
    await writeFile(join(root, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
}

function processesBelow(directory: string): number[] {
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    const children = readdirSync(directory, { withFileTypes: true }).filter((e) => e.isDirectory());
    return [
      ...own.map(Number),
      ...children.flatMap((child) => processesBelow(join(directory, child.name))),
    ];
  } catch {
    return []; // It went away meanwhile.
  }
}

async function removeBelow(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((e) => e.isDirectory()))
    await removeBelow(join(directory, entry.name));
  await rmdir(directory).catch(() => undefined);
}
