/** Compiles the SDK for TypeScript, with the files of the runtime that it has, into the package dist/sdk/typescript. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const ROOT = join(import.meta.dirname, '..');
const SDK = join(ROOT, 'sdk/typescript');
const OUT = join(ROOT, 'dist/sdk/typescript');

rmSync(OUT, { recursive: true, force: true });
const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '--project', join(SDK, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
const manifest = JSON.parse(readFileSync(join(SDK, 'package.json'), 'utf8'));
for (const [name, path] of Object.entries(manifest.exports)) {
  manifest.exports[name] = path.replace('./', './sdk/typescript/').replace(/ts$/, 'js');
}
writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
