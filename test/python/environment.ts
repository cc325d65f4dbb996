import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildOnce, cacheDirectory } from '../cluster/common/cache.ts';
import { run } from '../cluster/common/command.ts';

/**
 * Installs what a file of requirements names, once, in the cache outside the checkout, and gives the
 * variables with which `python3` finds it. What pip fetches must have the hashes in there.
 */
export async function pythonEnvironment(file = 'requirements.txt'): Promise<NodeJS.ProcessEnv> {
  const requirements = join(import.meta.dirname, file);
  const version = (await run('python3', ['--version'])).trim().split(' ').at(-1)!;
  const hash = createHash('sha256').update(await readFile(requirements));
  const name = `python-${version}-${hash.digest('hex').slice(0, 12)}`;
  const packages = join(cacheDirectory(), 'python', name);
  await buildOnce(packages, (directory) => install(directory, requirements));
  // Without what the user has in the environment, such as a proxy or a key.
  return { PATH: process.env['PATH'], PYTHONPATH: packages, PYTHONUNBUFFERED: '1' };
}

/** A virtual environment knows its own path, so only what it installs stays. */
async function install(packages: string, requirements: string): Promise<void> {
  const environment = await mkdtemp(join(tmpdir(), 'python-'));
  try {
    await run('python3', ['-m', 'venv', environment]);
    const options = ['--quiet', '--require-hashes', '--no-compile', '--target', packages];
    await run(join(environment, 'bin/pip'), ['install', ...options, '-r', requirements]);
  } finally {
    await rm(environment, { recursive: true, force: true });
  }
}
