import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Asset } from './server.ts';

/** Files of the page: their path, their name beside the program, and their type. */
const FILES = [
  ['/', 'console.html', 'text/html; charset=utf-8'],
  ['/console.js', 'console.js', 'text/javascript; charset=utf-8'],
  ['/console.css', 'console.css', 'text/css; charset=utf-8'],
] as const;

/** In a checkout the page is bundled first. In the package its files are beside the program. */
const SOURCE = import.meta.filename.endsWith('.ts');
const ROOT = join(import.meta.dirname, '../..');

/** The files of the page by their path. */
export async function readAssets(): Promise<Map<string, Asset>> {
  const folder = SOURCE ? await bundled() : import.meta.dirname;
  const read = async ([path, name, type]: (typeof FILES)[number]): Promise<[string, Asset]> => [
    path,
    { type, body: await readFile(join(folder, name)) },
  ];
  return new Map(await Promise.all(FILES.map(read)));
}

async function bundled(): Promise<string> {
  const folder = join(ROOT, 'dist/console');
  const file = pathToFileURL(join(ROOT, 'esbuild.config.js')).href;
  const { bundlePage } = (await import(file)) as { bundlePage: (folder: string) => Promise<void> };
  await bundlePage(folder);
  return folder;
}
