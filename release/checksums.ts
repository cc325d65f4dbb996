import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseDocument } from 'yaml';
import { downloadsOf, type Release } from './release.ts';

const SUMS = 'SHA256SUMS';

interface Platform {
  selector: { matchLabels: { os: string; arch: string } };
  uri: string;
  sha256: string;
  bin: string;
}

/** Writes SHA256SUMS over all files of the release, as `sha256sum --check` reads them. */
export async function writeChecksums({ directory }: Release): Promise<void> {
  const files = (await readdir(directory)).filter((name) => name !== SUMS).sort();
  const lines = await Promise.all(
    files.map(async (name) => `${await sha256(join(directory, name))}  ${name}\n`),
  );
  await writeFile(join(directory, SUMS), lines.join(''));
}

/** Writes the manifest of the plugin for krew, with the platforms whose archives are there. */
export async function writeKrewManifest(release: Release): Promise<void> {
  const { root, directory } = release;
  const template = await readFile(join(root, 'config/krew/breakwater.yaml'), 'utf8');
  const sums = new Map<string, string>();
  for (const name of await readdir(directory)) {
    if (name.startsWith('kubectl-breakwater-')) sums.set(name, await sha256(join(directory, name)));
  }
  await writeFile(join(directory, 'krew.yaml'), krewManifest(template, sums, release));
}

/** The manifest with the version, and with the addresses and checksums of the archives. */
export function krewManifest(
  template: string,
  sums: ReadonlyMap<string, string>,
  release: Release,
): string {
  const document = parseDocument(template);
  const { spec } = document.toJS() as { spec: { platforms: Platform[] } };
  const platforms = spec.platforms.flatMap((platform) => {
    const { os, arch } = platform.selector.matchLabels;
    const name = `kubectl-breakwater-${os}-${arch}.tar.gz`;
    const sum = sums.get(name);
    return sum ? [{ ...platform, uri: `${downloadsOf(release)}/${name}`, sha256: sum }] : [];
  });
  document.setIn(['spec', 'version'], `v${release.version}`);
  document.setIn(['spec', 'homepage'], `https://github.com/${release.repository}`);
  document.setIn(['spec', 'platforms'], platforms);
  return document.toString();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
