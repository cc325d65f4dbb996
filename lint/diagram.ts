/** Draws layers.ts into docs/architecture.md, between two marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS, type Layer } from './layers.ts';

const PAGE = join(import.meta.dirname, '../docs/architecture.md');
const MARKED = /(<!-- layers of (\S+) -->\n)[^]*?(<!-- end -->)/g;

const node = (folder: string): string => folder.replaceAll('/', '_');

/** Whether an import needs no arrow, because another import of the layer leads there too. */
function isImplied(layer: Layer, target: string): boolean {
  const others = layer.imports.filter((folder) => folder !== target);
  return others.some((folder) => reachedFrom(folder).has(target));
}

const reached = new Map<string, ReadonlySet<string>>();

/** All folders to which the imports of a layer lead. */
function reachedFrom(folder: string): ReadonlySet<string> {
  const known = reached.get(folder);
  if (known) return known;
  const { imports } = LAYERS.find((layer) => layer.folder === folder)!;
  const all = new Set(imports.flatMap((next) => [next, ...reachedFrom(next)]));
  reached.set(folder, all);
  return all;
}

/** The layers of one program as a Mermaid flow chart; arrows lead to what is imported. */
export function diagram(program: string): string {
  const layers = LAYERS.filter(
    ({ folder }) => folder === program || folder.startsWith(`${program}/`),
  );
  const names = new Set(layers.map(({ folder }) => folder));
  const boxes = layers.map(
    ({ folder, purpose }) => `  ${node(folder)}["<b>${folder}</b><br/>${purpose}"]`,
  );
  const arrows = layers.flatMap((layer) =>
    layer.imports
      .filter((folder) => names.has(folder) && !isImplied(layer, folder))
      .map((folder) => `  ${node(layer.folder)} --> ${node(folder)}`),
  );
  return ['```mermaid', 'flowchart TD', ...boxes, ...arrows, '```', ''].join('\n');
}

/** The page with its diagrams drawn anew. */
export function draw(page: string): string {
  return page.replace(
    MARKED,
    (_, start: string, program: string, end: string) => `${start}\n${diagram(program)}\n${end}`,
  );
}

if (import.meta.main) writeFileSync(PAGE, draw(readFileSync(PAGE, 'utf8')));
