import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Programs that are bundled, each to dist/NAME/main.js. */
export const PROGRAMS = {
  runtime: 'runtime/main.ts',
  operator: 'operator/main.ts',
  simulator: 'test/model/main.ts',
};

/** Some dependencies are CommonJS and call require for Node's own modules. */
const REQUIRE = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** Bundles a program with all it needs into one file and a source map beside it. */
export async function bundle(program) {
  const root = import.meta.dirname;
  await build({
    absWorkingDir: root,
    entryPoints: [PROGRAMS[program]],
    outfile: `dist/${program}/main.js`,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'external',
    legalComments: 'none',
    logLevel: 'warning',
  });
  // Tells Node at once what it would otherwise find out by parsing twice.
  await writeFile(join(root, 'dist', program, 'package.json'), '{ "type": "module" }\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const programs = process.argv.slice(2);
  const known = Object.keys(PROGRAMS);
  if (programs.length === 0 || !programs.every((program) => known.includes(program))) {
    process.stderr.write(`Usage: node esbuild.config.js PROGRAM..., of ${known.join(', ')}\n`);
    process.exit(2);
  }
  await Promise.all(programs.map(bundle));
}
