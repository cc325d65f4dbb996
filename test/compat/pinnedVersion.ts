import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOnce, cacheDirectory } from '../cluster/common/cache.ts';
import { run, succeeds } from '../cluster/common/command.ts';
import { ROOT } from '../kit/platform.ts';

interface Lock {
  packages: Record<string, { version?: string; dev?: boolean }>;
}

/** The commit that test/compat/pinned names. */
async function pinnedCommit(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, 'pinned'), 'utf8');
  const name = text.split('\n').find((line) => /^[0-9a-f]{7,40}$/.test(line));
  if (name === undefined) throw new Error('test/compat/pinned names no commit');
  return name;
}

/**
 * The pinned version's files in a directory of the cache, with the modules that it was built with: those that
 * are installed here when the versions are the same, else its own.
 * @throws Error when this clone does not have the commit and cannot fetch it
 */
export async function pinnedCheckout(): Promise<string> {
  const commit = await pinnedCommit();
  await ensureCommit(commit);
  const directory = join(cacheDirectory(), 'pinned', commit);
  await buildOnce(directory, async (partial) => {
    const archive = `${partial}.tar`;
    await run('git', ['archive', '--output', archive, commit], { cwd: ROOT });
    await mkdir(partial, { recursive: true });
    await run('tar', ['-xf', archive, '-C', partial]);
    await run('rm', [archive]);
  });
  await provideModules(directory);
  return directory;
}

async function ensureCommit(commit: string): Promise<void> {
  const known = (): Promise<boolean> =>
    succeeds('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT });
  if (await known()) return;
  // A shallow clone lacks it.
  await succeeds('git', ['fetch', '--quiet', '--unshallow'], { cwd: ROOT });
  if (await known()) return;
  throw new Error(
    `this clone has no commit ${commit}, which test/compat needs: clone with history (git fetch --unshallow)`,
  );
}

async function provideModules(directory: string): Promise<void> {
  const modules = join(directory, 'node_modules');
  if (existsSync(modules)) return;
  await rm(modules, { force: true }); // A link to the modules of a checkout that is gone.
  if (await sameModules(directory)) await symlink(join(ROOT, 'node_modules'), modules);
  else await run('npm', ['ci', '--ignore-scripts', '--loglevel=error'], { cwd: directory });
}

/** Whether all that goes into the pinned version's bundles is installed here in the same version. */
async function sameModules(directory: string): Promise<boolean> {
  const read = async (path: string): Promise<Lock> =>
    JSON.parse(await readFile(path, 'utf8')) as Lock;
  const [wanted, installed] = await Promise.all([
    read(join(directory, 'package-lock.json')),
    read(join(ROOT, 'package-lock.json')),
  ]);
  return Object.entries(wanted.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .every(([path, { version }]) => installed.packages[path]?.version === version);
}
