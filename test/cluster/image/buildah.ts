import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../common/command.ts';
import { baseImage, megabytes } from './base.ts';
import type { Builder, ImageSpec } from './images.ts';

/** Stores finished images. */
export interface ImageStore {
  has(name: string): Promise<boolean>;
  importArchive(path: string): Promise<void>;
}

/** Builds with buildah, which needs no engine. Its storage exists only during one build. */
export function buildahBuilder(cache: string, store: ImageStore): Builder {
  return {
    baseImage: async () => (await baseImage(cache)).name,
    has: (name) => store.has(name),
    build: (specs) => build(cache, store, specs),
  };
}

async function build(
  cache: string,
  store: ImageStore,
  specs: readonly ImageSpec[],
): Promise<number[]> {
  const base = await baseImage(cache);
  const work = await mkdtemp(join(tmpdir(), 'breakwater-buildah-'));
  // vfs works on every file system, and chroot needs no container runtime.
  const storage = [
    '--root',
    join(work, 'root'),
    '--runroot',
    join(work, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const buildah = (...args: string[]): Promise<string> => run('buildah', [...storage, ...args]);
  try {
    if (specs.some((spec) => spec.baseImage === base.name))
      await buildah('pull', '--quiet', `docker-archive:${base.archive}`);
    const sizes: number[] = [];
    for (const [index, spec] of specs.entries()) {
      const archive = join(work, `${index}.tar`);
      await buildah(
        'build',
        '--isolation',
        'chroot',
        '--format',
        'docker',
        ...buildArguments(spec),
      );
      await buildah('push', '--quiet', spec.name, `docker-archive:${archive}:${spec.name}`);
      await store.importArchive(archive);
      sizes.push(await megabytes(archive));
      await rm(archive);
    }
    return sizes;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Arguments that `buildah build` and `docker build` share. */
export function buildArguments(spec: ImageSpec): string[] {
  return [
    ...['--file', spec.dockerfile, '--tag', spec.name],
    ...['--build-arg', `BASE_IMAGE=${spec.baseImage}`],
    ...(spec.target === undefined ? [] : ['--target', spec.target]),
    spec.context,
  ];
}
