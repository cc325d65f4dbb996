import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a release is made of and where its files go. */
export interface Release {
  /** Such as 0.2.0; the tag is v0.2.0. */
  version: string;
  /** OWNER/NAME on GitHub. */
  repository: string;
  /** The root of the checkout. */
  root: string;
  /** Takes the files. */
  directory: string;
  say: (line: string) => void;
}

/** Where the images of operator and runtime are published. */
export const registryOf = ({ repository }: Release): string =>
  `ghcr.io/${repository.toLowerCase()}`;

/** The address below which the files of the release are. */
export const downloadsOf = ({ repository, version }: Release): string =>
  `https://github.com/${repository}/releases/download/v${version}`;

/** Translates Node's names of platforms to those of Go and Kubernetes. */
export function platformOf(platform: string, arch: string): { os: string; arch: string } {
  const os = platform === 'win32' ? 'windows' : platform;
  return { os, arch: arch === 'x64' ? 'amd64' : arch };
}

/** Calls `use` with a directory that is gone afterwards. */
export async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-release-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
