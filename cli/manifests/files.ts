import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const MANIFEST = /\.(ya?ml|json)$/;

/**
 * The texts of the manifests at a path, by the path to show: the file itself, or what lies in the directory and ends
 * in .yaml, .yml or .json, in the order of their names. Rejects when there is nothing at the path, or when this
 * process may not read it.
 */
export async function readManifests(path: string): Promise<Map<string, string>> {
  const paths = (await stat(path)).isDirectory() ? await manifestsIn(path) : [path];
  const texts = await Promise.all(
    // One that vanished meanwhile is one that is not there.
    paths.map(async (each) => [each, await readFile(each, 'utf8').catch(undefinedIfGone)] as const),
  );
  return new Map(texts.flatMap(([each, text]) => (text === undefined ? [] : [[each, text]])));
}

function undefinedIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'EACCES' || error.code === 'EPERM') throw error;
}

async function manifestsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && MANIFEST.test(entry.name))
    .map(({ name }) => join(directory, name))
    .sort();
}
