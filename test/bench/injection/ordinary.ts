import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** An ordinary text: from a package in package-lock.json, a log, or what a user writes. */
export interface Ordinary {
  kind: 'prose' | 'code' | 'logs' | 'chat';
  /** Where it comes from, for finding the cause of a false alarm. */
  name: string;
  text: string;
}

const MODULES = new URL('../../../node_modules/', import.meta.url).pathname;
const ROOT = new URL('../../../', import.meta.url).pathname;
/** Most texts of one kind from one package, so that no package dominates a kind. */
const PER_PACKAGE = 6;
const MIN_CHARACTERS = 400;
/** As much as /v1/messages examines. */
const MAX_CHARACTERS = 64 * 1024;
const KINDS: readonly (readonly [RegExp, Ordinary['kind']])[] = [
  [/\.(md|markdown|txt)$|^(licen[cs]e|readme|changes|history)$/i, 'prose'],
  [/\.(js|mjs|cjs|ts|mts|d\.ts|json|ya?ml|css|html|py|sh|c|h|cc|go|rs)$/i, 'code'],
];
const SKIPPED: ReadonlySet<string> = new Set(['.cache', '.bin', '.package-lock.json']);

/** Chooses the same half of the packages on every computer. */
export function isHeldOut(name: string): boolean {
  return createHash('sha256').update(name).digest()[0]! % 2 === 1;
}

/** Texts of the packages for which `takes` returns true. */
export function* packageTexts(takes: (packageName: string) => boolean): Generator<Ordinary> {
  for (const name of packages()) {
    if (!takes(name)) continue;
    const left = { prose: PER_PACKAGE, code: PER_PACKAGE, logs: 0, chat: 0 };
    for (const path of filesBelow(join(MODULES, name), 3)) {
      const file = path.slice(path.lastIndexOf('/') + 1);
      const kind = KINDS.find(([pattern]) => pattern.test(file))?.[1];
      if (kind === undefined || left[kind] === 0) continue;
      const text = readFileSync(path, 'utf8').slice(0, MAX_CHARACTERS);
      if (text.length < MIN_CHARACTERS) continue;
      left[kind] -= 1;
      yield { kind, name: path.slice(MODULES.length), text };
    }
  }
}

/** The project's own documents. Some are about prompts and agents. */
export function* projectTexts(): Generator<Ordinary> {
  for (const directory of ['docs', 'docs/decisions', 'docs/runbooks', 'docs/reference']) {
    for (const file of readdirSync(join(ROOT, directory)).sort()) {
      if (!file.endsWith('.md') || /injection/.test(file)) continue;
      const text = readFileSync(join(ROOT, directory, file), 'utf8').slice(0, MAX_CHARACTERS);
      yield { kind: 'prose', name: join(directory, file), text };
    }
  }
}

function packages(): string[] {
  const names = readdirSync(MODULES).filter((name) => !SKIPPED.has(name));
  return names
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(MODULES, name)).map((each) => `${name}/${each}`)
        : [name],
    )
    .filter((name) => statSync(join(MODULES, name)).isDirectory())
    .sort();
}

function* filesBelow(directory: string, levels: number): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) if (entry.isFile()) yield join(directory, entry.name);
  if (levels === 0) return;
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== 'node_modules') {
      yield* filesBelow(join(directory, entry.name), levels - 1);
    }
  }
}
