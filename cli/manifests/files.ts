import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const MANIFEST = /\.(ya?ml|json)$/;

/**
 * The texts of the manifests at a path, by the path to show: the file itself, or the files of a directory that end in
 * .yaml, .yml or .json, in the order of their names. Rejects if the path does not exist or is not readable.
 */
export async function readManifests(path: string): Promise<Map<string, string>> {
  const paths = (await stat(path)).isDirectory() ? await manifestsIn(path) : [path];
  const texts = await Promise.all(
    // Ignores a file that was deleted in between.
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
