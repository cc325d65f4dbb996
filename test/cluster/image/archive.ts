import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../common/command.ts';

export interface ArchiveOptions {
  /** Name and tag of the image. */
  name: string;
  /** Directory with the image's root file system. All files get root as owner. */
  root: string;
  entrypoint?: readonly string[];
  env?: readonly string[];
}

/** Architectures by Node's names, as images name them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Writes a Docker archive (as `docker save` makes) of one layer. */
export async function writeArchive(path: string, options: ArchiveOptions): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'breakwater-image-'));
  try {
    const layer = join(work, 'layer.tar');
    const reproducible = ['--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0'];
    await run('tar', [...reproducible, '-C', options.root, '-cf', layer, '.']);
    const config = JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: { Entrypoint: options.entrypoint, Env: options.env },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await sha256(layer)}`] },
    });
    const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
    await writeFile(join(work, configName), config);
    await writeFile(
      join(work, 'manifest.json'),
      JSON.stringify([{ Config: configName, RepoTags: [options.name], Layers: ['layer.tar'] }]),
    );
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.${process.pid}`;
    await run('tar', ['-C', work, '-cf', partial, configName, 'layer.tar', 'manifest.json']);
    await rename(partial, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
