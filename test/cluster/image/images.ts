import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../common/command.ts';
import type { Images } from '../common/cluster.ts';
import { say, step } from '../common/step.ts';

/** One image to build from a Dockerfile. */
export interface ImageSpec {
  name: string;
  dockerfile: string;
  target?: string;
  baseImage: string;
  /** Directory to which the Dockerfile's paths are relative. */
  context: string;
}

/** Builds images and makes them available to pods. */
export interface Builder {
  /** Base image if the user names none. */
  baseImage(): Promise<string>;
  /** Whether pods can already use the image. */
  has(name: string): Promise<boolean>;
  /** Builds the images and loads them for pods. Returns their sizes in MB. */
  build(specs: readonly ImageSpec[]): Promise<number[]>;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const KINDS = ['operator', 'runtime', 'simulator'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Bundles the code and builds the images whose content has changed. BASE_IMAGE names another base.
 * @param root checkout of operator and runtime, such as that of an earlier version. Default: this one. The simulated
 *   model always comes from this one.
 */
export async function buildImages(
  builder: Builder,
  environment: NodeJS.ProcessEnv,
  root = ROOT,
): Promise<Images> {
  await step('Bundling operator, runtime and simulated model', async () => {
    const bundle = (cwd: string, kinds: readonly Kind[]): Promise<unknown> =>
      run(process.execPath, ['esbuild.config.js', ...kinds], { cwd });
    if (root === ROOT) return bundle(ROOT, KINDS);
    return Promise.all([bundle(root, ['operator', 'runtime']), bundle(ROOT, ['simulator'])]);
  });
  const baseImage = environment['BASE_IMAGE'] || (await builder.baseImage());
  const specs = await Promise.all(
    KINDS.map((kind) => specify(kind, baseImage, kind === 'simulator' ? ROOT : root)),
  );
  const known = await Promise.all(specs.map((spec) => builder.has(spec.name)));
  const missing = specs.filter((_, index) => !known[index]);
  if (missing.length > 0)
    await step(
      `Building ${missing.length === 1 ? 'one image' : `${missing.length} images`}`,
      async () => {
        const sizes = await builder.build(missing);
        missing.forEach((spec, index) => say(`    ${spec.name}: ${sizes[index]?.toFixed(1)} MB`));
      },
    );
  const [operator, runtime, simulator] = specs.map((spec) => spec.name);
  return { operator: operator!, runtime: runtime!, simulator: simulator! };
}

/** The tag is a hash of everything in the image, so an existing image never has to be rebuilt. .dockerignore leaves out source maps. */
async function specify(kind: Kind, baseImage: string, root: string): Promise<ImageSpec> {
  const dockerfile = kind === 'simulator' ? join('test', 'simulator', 'Dockerfile') : 'Dockerfile';
  const hash = createHash('sha256').update(JSON.stringify([kind, baseImage]));
  hash.update(await readFile(join(root, dockerfile)));
  const bundle = join(root, 'dist', kind);
  const entries = await readdir(bundle, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((e) => e.isFile() && !e.name.endsWith('.map'))
    .map((e) => join(e.parentPath, e.name));
  for (const file of files.sort())
    hash.update(`\0${file.slice(bundle.length)}\0`).update(await readFile(file));
  return {
    name: `localhost/breakwater/${kind}:${hash.digest('hex').slice(0, 12)}`,
    dockerfile: join(root, dockerfile),
    ...(kind === 'simulator' ? {} : { target: kind }),
    baseImage,
    context: root,
  };
}
