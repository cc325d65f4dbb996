import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from '../common/command.ts';
import { waitFor } from '../common/step.ts';
import { processesInCgroup, removeCgroup } from './cgroup.ts';
import { removeContainers } from './containerd.ts';
import { Daemon } from './daemon.ts';
import type { Layout } from './layout.ts';
import { CGROUP } from './layout.ts';
import { processesInNetwork, removeNetwork } from './network.ts';

const KILL_TIMEOUT = 20_000;
const CNI_RESULTS = '/var/lib/cni/results';
/** Paths that kubelet and CNI use regardless of their configuration. */
const FIXED_FILES = ['/var/lib/kubelet/device-plugins/kubelet.sock', '/etc/cni/net.d/cni.lock'];
const CONTAINER_LOGS = '/var/log/containers';

/** Removes a local cluster in any state: processes, containers, mounts, network, files. */
export async function remove(layout: Layout): Promise<void> {
  // Stops the kubelet first, because it would start the containers again.
  await new Daemon({
    name: 'kubelet',
    command: [],
    directory: join(layout.state, 'logs'),
    outlives: true,
  }).stop('SIGKILL');
  await removeContainers(layout);
  await waitFor('processes of the cluster do not end', KILL_TIMEOUT, async () => {
    const pids = [...(await processesInNetwork()), ...processesInCgroup(CGROUP)];
    for (const pid of pids) kill(pid);
    return pids.length === 0;
  });
  for (const directory of [layout.run, layout.state]) await unmountBelow(directory);
  await removeNetwork();
  await removeCgroup(CGROUP);
  await removeFrom(CNI_RESULTS, async (name) =>
    (await readFile(join(CNI_RESULTS, name), 'utf8').catch(() => '')).includes(`"${layout.run}/`),
  );
  await removeFrom(CONTAINER_LOGS, async (name) =>
    (await readlink(join(CONTAINER_LOGS, name)).catch(() => '')).startsWith(layout.state),
  );
  for (const file of FIXED_FILES) {
    await removeFrom(dirname(file), (name) => Promise.resolve(name === basename(file)));
    await rmdir(dirname(dirname(file))).catch(() => undefined);
  }
  for (const directory of [layout.run, layout.state])
    await rm(directory, { recursive: true, force: true });
}

/** Unmounts a directory and all below it, the deepest first. */
async function unmountBelow(directory: string): Promise<void> {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replace(/\\(\d{3})/g, fromOctal))
    .filter((path) => path === directory || path.startsWith(`${directory}/`));
  for (const path of points.reverse()) await run('umount', ['--lazy', path]);
}

/** /proc/mounts writes a space as \040. */
function fromOctal(_match: string, digits: string): string {
  return String.fromCharCode(parseInt(digits, 8));
}

/** Removes our entries of a shared directory, and the directory if it is empty then. */
async function removeFrom(
  directory: string,
  isOurs: (name: string) => Promise<boolean>,
): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names)
    if (await isOurs(name)) await rm(join(directory, name), { force: true });
  await rmdir(directory).catch(() => undefined);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
