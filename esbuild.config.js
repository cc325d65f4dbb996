import { execFileSync } from 'node:child_process';
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Programs that are bundled, each to dist/PROGRAM; the name of a module is that of its file there. */
export const PROGRAMS = {
  runtime: {
    main: 'cli/local/imageMain.ts',
  },
  operator: { main: 'operator/main.ts' },
  simulator: { main: 'test/simulator/main.ts' },
  cli: {
    main: 'cli/main.ts',
    runtime: 'cli/local/runtimeChild.ts',
    simulator: 'cli/simulator/child.ts',
  },
};

/** Some dependencies are CommonJS and call require for Node's own modules. */
const REQUIRE = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/**
 * Requires node:http where a module imports it. An import reads each of its properties, and one of them loads Node's own
 * copy of undici, which takes a tenth of the time to start.
 */
const REQUIRED_HTTP = {
  name: 'required-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'required' } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

const ROOT = import.meta.dirname;

/** Bundles a program with all it needs into a file for each module and a source map beside it. */
export async function bundle(program, directory = join(ROOT, 'dist', program)) {
  // Chunks of an earlier build have other names.
  await rm(directory, { recursive: true, force: true });
  const modules = Object.entries(PROGRAMS[program]);
  await Promise.all(modules.map(([name, path]) => bundleModule(program, name, path, directory)));
  if (program === 'cli' || program === 'runtime') await copyDefinitions(directory);
  if (program === 'cli') {
    await Promise.all([completePackage(directory), bundlePage(directory), copySdks(directory)]);
  }
  // Tells Node at once what it would otherwise find out by parsing twice.
  else await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n');
}

async function bundleModule(program, name, path, directory) {
  await build({
    absWorkingDir: ROOT,
    entryPoints: { [name]: path },
    outdir: directory,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Read when it is needed: by the command what only some subcommands use, by the others OpenTelemetry.
    splitting:
      ['runtime', 'operator'].includes(program) || (program === 'cli' && name !== 'simulator'),
    // People run the command with a Node.js of their own.
    target: program === 'cli' ? 'node22.19' : 'node24',
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'external',
    legalComments: 'none',
    // The sketches' own form on the wire, which nothing here uses, asks for it when it is called.
    external: ['protobufjs/minimal'],
    plugins: [REQUIRED_HTTP],
    logLevel: 'warning',
  });
}

/** Bundles the page of `breakwater console` into three files. */
export async function bundlePage(directory) {
  const page = join(ROOT, 'cli/console/page');
  await build({
    absWorkingDir: ROOT,
    entryPoints: { console: join(page, 'main.tsx') },
    outdir: directory,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    minify: true,
    legalComments: 'none',
    tsconfig: join(page, 'tsconfig.json'),
    logLevel: 'warning',
  });
  await copyFile(join(page, 'console.html'), join(directory, 'console.html'));
}

/** Manifests are checked against the definitions where there is no API server. */
async function copyDefinitions(directory) {
  const plurals = ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'];
  await copyTo(
    directory,
    plurals.map((plural) => `crds/${plural}.yaml`),
  );
}

/** What `breakwater init` writes. */
async function copySdks(directory) {
  execFileSync(process.execPath, [join(ROOT, 'sdk/compile.js')], { stdio: 'inherit' });
  const filter = (path) => !/node_modules|__pycache__/.test(path.slice(ROOT.length));
  const copy = (from, to) => cp(join(ROOT, from), join(directory, to), { recursive: true, filter });
  await Promise.all([
    copy('dist/sdk/typescript', 'sdk/typescript'),
    copy('sdk/python', 'sdk/python'),
    copy('examples', 'examples'),
  ]);
}

async function copyTo(directory, files) {
  await Promise.all(
    files.map((file) => copyFile(join(ROOT, file), join(directory, basename(file)))),
  );
}

/** What makes the bundled cli a package that needs no other: `npm pack ./dist/cli`. */
async function completePackage(directory) {
  await copyTo(directory, ['cli/breakwater.js', 'LICENSE']);
  const { name, version, description, license, type, engines } = JSON.parse(
    await readFile(join(ROOT, 'package.json'), 'utf8'),
  );
  // kubectl runs the others as a plugin and for its completion.
  const names = ['breakwater', 'kubectl-breakwater', 'kubectl_complete-breakwater'];
  const bin = Object.fromEntries(names.map((name) => [name, 'breakwater.js']));
  const manifest = {
    ...{ name, version, description, license, type, engines, bin },
    files: ['*.js', '*.yaml', 'console.*', 'sdk', 'examples'],
  };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const programs = process.argv.slice(2);
  const known = Object.keys(PROGRAMS);
  if (programs.length === 0 || !programs.every((program) => known.includes(program))) {
    process.stderr.write(`Usage: node esbuild.config.js PROGRAM..., of ${known.join(', ')}\n`);
    process.exit(2);
  }
  await Promise.all(programs.map((program) => bundle(program)));
}
