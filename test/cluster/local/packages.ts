import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run, which } from '../common/command.ts';
import { step } from '../common/step.ts';

/** A Debian package, and whether its content is installed, from the package or otherwise. */
interface Need {
  debian: string;
  isThere: () => boolean;
}

export const CNI_DIRECTORIES = ['/usr/lib/cni', '/opt/cni/bin'];

const command = (name: string, debian: string = name): Need => ({
  debian,
  isThere: () => which(name) !== undefined,
});

const CLUSTER: readonly Need[] = [
  command('containerd'),
  command('runc'),
  { debian: 'containernetworking-plugins', isThere: () => cniDirectory() !== undefined },
  command('iptables'),
  command('conntrack'),
  command('ip', 'iproute2'),
  command('nsenter', 'util-linux'),
  command('buildah'),
];

/** Programs that tests run besides a cluster. */
const TESTS: readonly Need[] = [
  command('chromium'),
  command('redis-server'),
  command('prometheus'),
  { debian: 'python3-venv', isThere: makesEnvironments },
];

/** The directory of the CNI plugins. */
export function cniDirectory(): string | undefined {
  return CNI_DIRECTORIES.find((directory) => existsSync(`${directory}/bridge`));
}

/** Installs the Debian packages that the local cluster lacks, or says which ones are missing. */
export function installPackages(): Promise<void> {
  return install(CLUSTER, 'install it with your package manager, or use CLUSTER=kind');
}

/** Installs the Debian packages that tests need besides a cluster. */
export function installTestPackages(): Promise<void> {
  return install(TESTS, 'install it with your package manager');
}

/** Whether Python can make virtual environments with pip. */
function makesEnvironments(): boolean {
  return spawnSync('python3', ['-c', 'import ensurepip, venv']).status === 0;
}

async function install(needs: readonly Need[], otherwise: string): Promise<void> {
  const missing = needs.filter((need) => !need.isThere()).map((need) => need.debian);
  if (missing.length === 0) return;
  if (which('apt-get') === undefined || process.getuid?.() !== 0)
    throw new Error(
      `missing on this machine: what Debian packages as ${missing.join(', ')}; ${otherwise}`,
    );
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await step(`Installing the Debian packages ${missing.join(' ')}`, async () => {
    const options = ['-qq', '-o', 'Acquire::Retries=3'];
    await run('apt-get', [...options, 'update'], { env });
    const install = ['install', '-y', '--no-install-recommends', ...missing];
    await run('apt-get', [...options, ...install], { env });
  });
}
