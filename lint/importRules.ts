/**
 * ESLint rules over imports. `layers/imports` allows only what layers.ts names; `layers/cycles` allows no
 * cycle of files and none of folders. Imports of types count. Tests and their helpers are free of the first.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Rule } from 'eslint';
import ts from 'typescript';
import { KUBERNETES_CLIENT, LAYERS, type Layer } from './layers.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PROGRAMS = [
  'cli',
  'common',
  'config',
  'contract',
  'crds',
  'lint',
  'listener',
  'operator',
  'runtime',
  'sdk',
  'test',
  'tracing',
];
const TEST_HELPERS = /(^|\/)(testing|tests)(\/|$)/;

/** Files and folders by their path from the root, each with what it imports. */
type Graph = Map<string, Set<string>>;

const path = (file: string): string => relative(ROOT, file).split(sep).join('/');
const isTest = (file: string): boolean => file.endsWith('.test.ts') || TEST_HELPERS.test(file);

/** The layer of a file or folder; undefined when layers.ts has none for it. */
export function layerOf(file: string): Layer | undefined {
  return LAYERS.filter(({ folder }) => file === folder || file.startsWith(`${folder}/`)).reduce<
    Layer | undefined
  >((best, layer) => (best && best.folder.length > layer.folder.length ? best : layer), undefined);
}

/** What is wrong with an import, as a sentence; undefined when nothing is. */
export function complaint(file: string, specifier: string): string | undefined {
  const layer = layerOf(file);
  if (layer === undefined || isTest(file)) return undefined;
  return specifier.startsWith('.')
    ? wrongLayer(layer, path(resolve(ROOT, dirname(file), specifier)))
    : wrongPackage(layer, specifier);
}

function wrongLayer(layer: Layer, target: string): string | undefined {
  if (!target.endsWith('.ts')) return undefined;
  if (TEST_HELPERS.test(target)) return `${target} is for tests only`;
  const folder = layerOf(target)?.folder ?? dirname(target);
  if (folder === layer.folder || layer.imports.includes(folder)) return undefined;
  return `${layer.folder} must not import ${folder} (lint/layers.ts)`;
}

function wrongPackage({ folder, refuses }: Layer, name: string): string | undefined {
  const { packages, reason } = refuses ?? KUBERNETES_CLIENT;
  return packages.test(name) ? `${folder} must not import ${name}: ${reason}` : undefined;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path(join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'));
}

/** What each source file imports of the project's own. */
export function importGraph(): Graph {
  const files = PROGRAMS.flatMap(sources).filter((file) => !file.endsWith('.test.ts'));
  return new Map(
    files.map((file) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), 'utf8'));
      const own = importedFiles
        .filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => path(resolve(ROOT, dirname(file), fileName)));
      return [file, new Set(own)];
    }),
  );
}

/** Imports that the table allows and that no file but tests has, as FOLDER → FOLDER. */
export function unusedImports(layers: readonly Layer[], files: Graph): string[] {
  const used = new Set<string>();
  for (const [file, targets] of files) {
    if (isTest(file)) continue;
    for (const target of targets) {
      used.add(`${layerOf(file)?.folder} → ${layerOf(target)?.folder}`);
    }
  }
  return layers
    .flatMap(({ folder, imports }) => imports.map((other) => `${folder} → ${other}`))
    .filter((allowed) => !used.has(allowed));
}

/** The same of the folders in which the files lie. */
export function folderGraph(files: Graph): Graph {
  const folders: Graph = new Map();
  for (const [file, targets] of files) {
    const folder = dirname(file);
    const others = folders.get(folder) ?? new Set();
    for (const target of targets) if (dirname(target) !== folder) others.add(dirname(target));
    folders.set(folder, others);
  }
  return folders;
}

/** Shortest way from one node back to it that begins with the edge to `next`; undefined when there is none. */
export function cycleThrough(graph: Graph, start: string, next: string): string[] | undefined {
  const cameFrom = new Map([[next, start]]);
  for (const node of cameFrom.keys()) {
    if (node === start) return way(cameFrom, start);
    for (const target of graph.get(node) ?? [])
      if (!cameFrom.has(target)) cameFrom.set(target, node);
  }
  return undefined;
}

function way(cameFrom: Map<string, string>, start: string): string[] {
  const nodes = [start];
  for (let node = cameFrom.get(start)!; node !== start; node = cameFrom.get(node)!)
    nodes.unshift(node);
  return [start, ...nodes];
}

let graphs: { files: Graph; folders: Graph } | undefined;

function readGraphs(): { files: Graph; folders: Graph } {
  const files = importGraph();
  return { files, folders: folderGraph(files) };
}

/** The cycle that an import closes, as a sentence; undefined when it closes none. */
function cycle(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.') || file.endsWith('.test.ts')) return undefined;
  graphs ??= readGraphs();
  const target = path(resolve(ROOT, dirname(file), specifier));
  const [folder, other] = [dirname(file), dirname(target)];
  const found =
    cycleThrough(graphs.files, file, target) ??
    (folder === other ? undefined : cycleThrough(graphs.folders, folder, other));
  return found && `this import closes a cycle: ${found.join(' → ')}`;
}

function rule(check: (file: string, specifier: string) => string | undefined): Rule.RuleModule {
  return {
    create: (context) => {
      const look = (node: { source?: unknown }): void => {
        const source = node.source as { value?: unknown } | null | undefined;
        if (typeof source?.value !== 'string') return;
        const message = check(path(context.filename), source.value);
        if (message !== undefined) context.report({ node: node as never, message });
      };
      return {
        ImportDeclaration: look,
        ImportExpression: look,
        ExportNamedDeclaration: look,
        ExportAllDeclaration: look,
      };
    },
  };
}

export const layers = { rules: { imports: rule(complaint), cycles: rule(cycle) } };
