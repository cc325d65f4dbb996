import { LineCounter, parseAllDocuments, isMap, isSeq, isScalar, isNode } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import type { Path } from './schema.ts';

/** An object in a file. */
export interface Written {
  object: Record<string, unknown>;
  /** Line of the field at the path, or of its nearest existing parent. The first line is 1. */
  lineOf: (path: Path) => number;
}

/** A file's objects, or why it cannot be read. */
export type Reading =
  { ok: true; objects: Written[] } | { ok: false; faults: { line: number; message: string }[] };

/** Reads the objects of a file, in YAML or JSON. Lists count as the objects in them. */
export function readObjects(text: string): Reading {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  if (!Array.isArray(documents)) return { ok: true, objects: [] };
  const faults = documents.flatMap(({ errors }) =>
    errors.map(({ pos, message }) => ({
      line: lines.linePos(pos[0]).line,
      // Omits the excerpt, which may contain secrets.
      message: message.split(/ at line \d+/, 1)[0]!,
    })),
  );
  if (faults.length > 0) return { ok: false, faults };
  const tops = documents.flatMap((document) => topsOf(document));
  const odd = tops.filter(({ node }) => !isMap(node));
  if (odd.length > 0) {
    return {
      ok: false,
      faults: odd.map(({ node }) => ({
        line: lineAt(lines, node),
        message: 'here must be an object with apiVersion, kind and metadata',
      })),
    };
  }
  return {
    ok: true,
    objects: tops.map(({ node, value }) => ({
      object: value as Record<string, unknown>,
      lineOf: (path) => lineAt(lines, nearest(node, path)),
    })),
  };
}

interface Top {
  node: Node;
  value: unknown;
}

function topsOf(document: Document): Top[] {
  const { contents } = document;
  if (!isNode(contents) || (isScalar(contents) && contents.value === null)) return [];
  const value: unknown = document.toJS();
  const items = isMap(contents) && contents.get('kind') === 'List' ? contents.get('items') : null;
  if (!isSeq(items)) return [{ node: contents, value }];
  const values = (value as { items: unknown[] }).items;
  return items.items.flatMap((item, index) =>
    isNode(item) ? [{ node: item, value: values[index] }] : [],
  );
}

/** The key at the path, or its nearest existing parent. */
function nearest(top: Node, path: Path): Node {
  let at: unknown = top;
  let shown = top;
  for (const step of path) {
    const { key, value } = entryOf(at, step);
    if (isNode(key)) shown = key;
    at = value;
  }
  return shown;
}

/** The node to show for an entry, and the node below it. */
function entryOf(node: unknown, step: string | number): { key?: unknown; value?: unknown } {
  if (isMap(node)) return pairOf(node.items, step) ?? {};
  if (!isSeq(node)) return {};
  const value = node.items[Number(step)];
  return { key: value, value };
}

function pairOf(pairs: readonly Pair[], step: string | number): Pair | undefined {
  return pairs.find(({ key }) => isScalar(key) && String(key.value) === String(step));
}

function lineAt(lines: LineCounter, node: Node): number {
  return lines.linePos(node.range?.[0] ?? 0).line;
}
