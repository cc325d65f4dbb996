/**
 * Makes the files of a release in dist/release: `node release/main.ts [PART...]`, all of them by default, which is
 * `make release-dry-run`. It publishes and signs nothing; .github/workflows/release.yaml does, from the same parts.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import packageJson from '../package.json' with { type: 'json' };
import { run } from '../test/cluster/common/command.ts';
import { packageChart, writeInstall } from './chart.ts';
import { writeChecksums, writeKrewManifest } from './checksums.ts';
import { packageExecutable } from './executable.ts';
import { archiveImages } from './images.ts';
import { notes } from './notes.ts';
import { PARTS, type Part } from './parts.ts';
import type { Release } from './release.ts';

const ROOT = join(import.meta.dirname, '..');

const MAKE: Record<Part, (release: Release) => Promise<void>> = {
  chart: packageChart,
  install: writeInstall,
  sbom: writeSbom,
  notes: writeNotes,
  executable: packageExecutable,
  images: archiveImages,
  krew: writeKrewManifest,
  checksums: writeChecksums,
};

/** All packages that are passed on, as SPDX. */
async function writeSbom({ root, directory }: Release): Promise<void> {
  const args = ['sbom', '--omit=dev', '--package-lock-only', '--sbom-format=spdx'];
  await writeFile(join(directory, 'breakwater.spdx.json'), await run('npm', args, { cwd: root }));
}

async function writeNotes({ root, directory, version }: Release): Promise<void> {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  let since: string[] = [];
  try {
    since = [`${git('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^')}..HEAD`];
  } catch {
    // The first release: all commits are new.
  }
  const commits = git('log', '--no-merges', '--format=%s', ...since).split('\n');
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  await writeFile(join(directory, 'NOTES.md'), notes(version, changelog, commits));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(parts: readonly string[]): Promise<void> {
  const unknown = parts.filter((part) => !(PARTS as readonly string[]).includes(part));
  if (unknown.length > 0)
    throw new Error(`${unknown.join(', ')}: write some of ${PARTS.join(', ')}`);
  const repository = process.env['GITHUB_REPOSITORY'] || 'OWNER/breakwater';
  const { version } = packageJson;
  const tag = process.env['TAG'];
  if (tag && tag !== `v${version}`)
    throw new Error(`the tag is ${tag}, but package.json says ${version}`);
  const directory = join(ROOT, 'dist/release');
  if (parts.length === 0) await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const release: Release = { version, repository, root: ROOT, directory, say };
  for (const part of parts.length > 0 ? (parts as Part[]) : PARTS) {
    const start = performance.now();
    await MAKE[part](release);
    say(`${part}: made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  if (parts.length > 0) return;
  for (const name of (await readdir(directory)).sort()) {
    const { size } = await stat(join(directory, name));
    say(`  ${(size / 1e6).toFixed(2).padStart(7)} MB  dist/release/${name}`);
  }
  say(
    'Left to the workflow: push of the images, provenance, signatures, executables of other platforms.',
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`release: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
