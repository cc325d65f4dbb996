import { run, succeeds } from '../common/command.ts';
import { baseImage } from './base.ts';
import { buildArguments } from './buildah.ts';
import type { Builder, ImageSpec } from './images.ts';

export const USUAL_BASE =
  'gcr.io/distroless/nodejs24-debian12:nonroot@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a';
const ANSWER_TIMEOUT = 10_000;
const PULL_TIMEOUT = 60_000;
const MEGABYTE = 1e6;

/** Whether a Docker engine answers. */
export function dockerAnswers(): Promise<boolean> {
  return succeeds('docker', ['info', '--format', '{{.ServerVersion}}'], {
    timeout: ANSWER_TIMEOUT,
  });
}

/** Whether the engine has an image. */
export function dockerHas(name: string): Promise<boolean> {
  return succeeds('docker', ['image', 'inspect', name], { timeout: ANSWER_TIMEOUT });
}

/** Removes all images built from this checkout. */
export async function removeImages(): Promise<void> {
  const list = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'localhost/breakwater/*'];
  const names = (await run('docker', list)).split('\n').filter(Boolean);
  if (names.length > 0) await run('docker', ['image', 'rm', '--force', ...names]);
}

/** Builds with the Docker engine. `load` brings finished images to the cluster's nodes. */
export function dockerBuilder(
  cache: string,
  has: (name: string) => Promise<boolean>,
  load: (names: readonly string[]) => Promise<void>,
): Builder {
  return {
    baseImage: () => base(cache),
    has,
    build: async (specs) => {
      for (const spec of specs) await build(spec);
      await load(specs.map((spec) => spec.name));
      return Promise.all(specs.map((spec) => size(spec.name)));
    },
  };
}

/** The usual base image if Docker has it or can pull it, otherwise our own. */
async function base(cache: string): Promise<string> {
  if (await dockerHas(USUAL_BASE)) return USUAL_BASE;
  const pulled = await succeeds('docker', ['pull', '--quiet', USUAL_BASE], {
    timeout: PULL_TIMEOUT,
  });
  if (pulled) return USUAL_BASE;
  const own = await baseImage(cache);
  if (!(await dockerHas(own.name)))
    await run('docker', ['load', '--quiet', '--input', own.archive]);
  return own.name;
}

async function build(spec: ImageSpec): Promise<void> {
  if (await dockerHas(spec.name)) return;
  await run('docker', ['build', '--quiet', ...buildArguments(spec)]);
}

async function size(name: string): Promise<number> {
  const bytes = await run('docker', ['image', 'inspect', '--format', '{{.Size}}', name]);
  return Number(bytes) / MEGABYTE;
}
