import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { cacheDirectory } from '../test/cluster/common/cache.ts';
import { run, succeeds, which } from '../test/cluster/common/command.ts';
import { baseImage } from '../test/cluster/image/base.ts';
import { USUAL_BASE } from '../test/cluster/image/docker.ts';
import { inDirectory, platformOf, registryOf, type Release } from './release.ts';

const TARGETS = ['operator', 'runtime'] as const;
const ARCHITECTURES = ['amd64', 'arm64'] as const;

/** How long a look for the base image may take, in milliseconds. */
const PULL_MS = 20_000;

type Architecture = (typeof ARCHITECTURES)[number];

/** Builds one image from the Dockerfile into an OCI archive. */
type Build = (target: string, architecture: Architecture, archive: string) => Promise<void>;

/**
 * Writes TARGET-VERSION-linux-ARCH.tar for each image and architecture, with what builder there is. Where the base
 * image cannot be pulled, there is one of our own for this machine's architecture, and the other one is left out.
 */
export async function archiveImages(release: Release): Promise<void> {
  const { root, directory, version, say } = release;
  await run(process.execPath, ['esbuild.config.js', ...TARGETS], { cwd: root });
  await inDirectory(async (work) => {
    const builder = await chooseBuilder(release, work);
    if (builder === undefined)
      return say('images: left out, because there is no docker buildx and no buildah');
    for (const architecture of ARCHITECTURES) {
      const build = await builder(architecture);
      if (build === undefined) {
        say(`images: linux/${architecture} left out, because the base image cannot be pulled`);
        continue;
      }
      for (const target of TARGETS) {
        const archive = join(directory, `${target}-${version}-linux-${architecture}.tar`);
        await build(target, architecture, archive);
        await stat(archive);
      }
    }
  });
}

type Builder = (architecture: Architecture) => Promise<Build | undefined>;

async function chooseBuilder(release: Release, work: string): Promise<Builder | undefined> {
  if (which('docker') && (await succeeds('docker', ['buildx', 'inspect'], { timeout: PULL_MS }))) {
    return () => Promise.resolve(withBuildx(release));
  }
  return which('buildah') ? withBuildah(release, work) : undefined;
}

function withBuildx(release: Release): Build {
  return async (target, architecture, archive) => {
    const output = `type=oci,dest=${archive}`;
    const name = nameOf(release, target);
    const options = ['--platform', `linux/${architecture}`, '--target', target, '--tag', name];
    await run('docker', ['buildx', 'build', ...options, '--output', output, release.root]);
  };
}

/** Needs no engine; its storage lives as long as one release. */
function withBuildah(release: Release, work: string): Builder {
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'run')];
  const buildah = (args: readonly string[], timeout?: number): Promise<string> =>
    run(
      'buildah',
      [...storage, '--storage-driver', 'vfs', ...args],
      timeout === undefined ? {} : { timeout },
    );
  const own = platformOf(process.platform, process.arch).arch;
  const baseFor = async (architecture: Architecture): Promise<string | undefined> => {
    const platform = ['--platform', `linux/${architecture}`];
    const pulled = await buildah(['pull', '--quiet', ...platform, USUAL_BASE], PULL_MS).then(
      () => true,
      () => false,
    );
    if (pulled) return USUAL_BASE;
    if (architecture !== own) return undefined;
    const { name, archive } = await baseImage(cacheDirectory());
    await buildah(['pull', '--quiet', `docker-archive:${archive}`]);
    return name;
  };
  return async (architecture) => {
    const base = await baseFor(architecture);
    if (base === undefined) return undefined;
    return async (target, _, archive) => {
      const name = nameOf(release, target);
      await buildah([
        ...['build', '--isolation', 'chroot', '--platform', `linux/${architecture}`],
        ...['--build-arg', `BASE_IMAGE=${base}`, '--target', target, '--tag', name],
        ...['--file', join(release.root, 'Dockerfile'), release.root],
      ]);
      await buildah(['push', '--quiet', name, `oci-archive:${archive}:${name}`]);
    };
  };
}

const nameOf = (release: Release, target: string): string =>
  `${registryOf(release)}/${target}:${release.version}`;
