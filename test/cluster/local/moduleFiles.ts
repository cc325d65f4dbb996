import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildOnce, cacheDirectory } from '../common/cache.ts';
import { run, which } from '../common/command.ts';
import { step } from '../common/step.ts';

export interface ModuleFiles {
  /** Title of the step that downloads them. */
  title: string;
  /** Their directory in the cache. */
  name: string;
  /** Directory of the go.mod and go.sum that pin the module. */
  directory: string;
  /** Path of the Go module. */
  module: string;
  /** Paths within the module. */
  files: readonly string[];
}

/** Paths of copies of files in a Go module, such as definitions. Downloads them unless the cache has them. */
export async function moduleFiles(wanted: ModuleFiles): Promise<string[]> {
  const sums = readFileSync(join(wanted.directory, 'go.sum'));
  const key = createHash('sha256').update(sums).digest('hex').slice(0, 12);
  const directory = join(cacheDirectory(), 'crds', `${wanted.name}-${key}`);
  await buildOnce(directory, (partial) => fetchInto(partial, wanted));
  return wanted.files.map((file) => join(directory, basename(file)));
}

async function fetchInto(
  partial: string,
  { title, directory, module, files }: ModuleFiles,
): Promise<void> {
  if (which('go') === undefined)
    throw new Error('no Go: install Go 1.25 or newer (https://go.dev/dl) and put it on the PATH');
  await step(title, async () => {
    const env = { ...process.env, GOFLAGS: '-mod=readonly' };
    const answer = await run('go', ['mod', 'download', '-json', module], { cwd: directory, env });
    const { Dir } = JSON.parse(answer) as { Dir: string };
    for (const file of files) await copyFile(join(Dir, file), join(partial, basename(file)));
  });
}
