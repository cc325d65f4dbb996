import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { build, type Plugin } from 'esbuild';
import { readAssets } from '../cli/console/assets.ts';
import { PLURALS } from '../crds/definitions.ts';
import { run } from '../test/cluster/common/command.ts';
import { inDirectory, platformOf, type Release } from './release.ts';

/** The name by which kubectl finds a plugin. */
const NAME = 'kubectl-breakwater';

/** Where Node looks for an application in its own file; see nodejs.org/api/single-executable-applications.html. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const RESOURCE = 'NODE_SEA_BLOB';

/** Makes NAME-OS-ARCH.tar.gz for this platform: the command with the Node that runs this, and the licence. */
export async function packageExecutable({ root, directory }: Release): Promise<void> {
  await inDirectory(async (work) => {
    const executable = join(work, NAME);
    await makeExecutable(root, work, executable);
    await copyFile(join(root, 'LICENSE'), join(work, 'LICENSE'));
    const { os, arch } = platformOf(process.platform, process.arch);
    const archive = join(directory, `${NAME}-${os}-${arch}.tar.gz`);
    await run('tar', ['-C', work, '-czf', archive, NAME, 'LICENSE']);
  });
}

/** A program of one file that needs no Node.js. */
export async function makeExecutable(root: string, work: string, path: string): Promise<void> {
  const main = join(work, 'main.cjs');
  const blob = join(work, 'application.blob');
  const settings = join(work, 'sea.json');
  await bundle(root, main);
  const config = { main, output: blob, disableExperimentalSEAWarning: true };
  await writeFile(settings, JSON.stringify(config));
  await run(process.execPath, ['--experimental-sea-config', settings]);
  await copyFile(process.execPath, path);
  await chmod(path, 0o755);
  const mac = process.platform === 'darwin';
  // A signature would no longer hold, and macOS runs nothing without one.
  if (mac) await run('codesign', ['--remove-signature', path]);
  const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
  const segment = mac ? ['--macho-segment-name', 'NODE_SEA'] : [];
  await run(process.execPath, [
    postject,
    path,
    RESOURCE,
    blob,
    '--sentinel-fuse',
    FUSE,
    ...segment,
  ]);
  if (mac) await run('codesign', ['--sign', '-', path]);
  for (const file of [main, blob, settings]) await rm(file);
}

/** The command as CommonJS, the only form that Node 24 takes. */
async function bundle(root: string, outfile: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ['cli/executable.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.url': '__url',
    },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    external: ['protobufjs/minimal'],
    logLevel: 'warning',
    plugins: [await definitionsWithin(root), await consoleWithin()],
  });
}

/** Puts the custom resource definitions into the bundle: the executable has no files beside it. */
async function definitionsWithin(root: string): Promise<Plugin> {
  const texts = await Promise.all(
    PLURALS.map(async (plural) => [
      plural,
      await readFile(join(root, `crds/${plural}.yaml`), 'utf8'),
    ]),
  );
  const contents = `const TEXTS = ${JSON.stringify(Object.fromEntries(texts))};
export const readDefinition = (plural) => TEXTS[plural];`;
  return {
    name: 'definitions',
    setup: (building) =>
      building.onLoad({ filter: /[\\/]crds[\\/]readDefinition\.ts$/ }, () => ({
        contents,
        loader: 'js',
      })),
  };
}

/** Puts the page of the console into the bundle. */
async function consoleWithin(): Promise<Plugin> {
  const files = [...(await readAssets())].map(([path, { type, body }]) => [
    path,
    { type, body: body.toString('base64') },
  ]);
  const contents = `const FILES = ${JSON.stringify(files)};
export const readAssets = async () => new Map(FILES.map(
  ([path, { type, body }]) => [path, { type, body: Buffer.from(body, 'base64') }]));`;
  return {
    name: 'console',
    setup: (building) =>
      building.onLoad({ filter: /[\\/]console[\\/]assets\.ts$/ }, () => ({
        contents,
        loader: 'js',
      })),
  };
}
