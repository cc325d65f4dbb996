import { existsSync } from 'node:fs';
import { run, which } from '../command.ts';
import { step } from '../step.ts';

/** A Debian package and the test that tells whether what it brings is there, whoever installed it. */
interface Need {
  debian: string;
  isThere: () => boolean;
}

export const CNI_DIRECTORIES = ['/usr/lib/cni', '/opt/cni/bin'];

const command = (name: string, debian: string = name): Need => ({
  debian,
  isThere: () => which(name) !== undefined,
});

const NEEDS: readonly Need[] = [
  command('containerd'),
  command('runc'),
  { debian: 'containernetworking-plugins', isThere: () => cniDirectory() !== undefined },
  command('iptables'),
  command('conntrack'),
  command('ip', 'iproute2'),
  command('nsenter', 'util-linux'),
  command('buildah'),
];

/** The directory of the CNI plugins. */
export function cniDirectory(): string | undefined {
  return CNI_DIRECTORIES.find((directory) => existsSync(`${directory}/bridge`));
}

/** Installs the Debian packages that are missing, or says which ones are. */
export async function installPackages(): Promise<void> {
  const missing = NEEDS.filter((need) => !need.isThere()).map((need) => need.debian);
  if (missing.length === 0) return;
  if (which('apt-get') === undefined)
    throw new Error(
      `missing on this machine: what Debian packages as ${missing.join(', ')}; install it with your package manager, or use CLUSTER=kind`,
    );
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await step(`Installing the Debian packages ${missing.join(' ')}`, async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
  });
}
