import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Directory for what is built or downloaded once: $BREAKWATER_CACHE, or breakwater in the user's cache. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return environment['BREAKWATER_CACHE'] || join(base, 'breakwater');
}

/**
 * Creates `directory` unless it exists. `build` fills a temporary directory, which gets the final name when it is
 * complete. So an interruption leaves nothing incomplete, and two processes may build at the same time.
 */
export async function buildOnce(
  directory: string,
  build: (partial: string) => Promise<void>,
): Promise<void> {
  if (existsSync(directory)) return;
  await mkdir(dirname(directory), { recursive: true });
  const partial = await mkdtemp(join(dirname(directory), `.${basename(directory)}.`));
  try {
    await build(partial);
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(directory)) throw error; // Another process was faster: its result is as good.
  }
}
