import { isMap, isScalar, isSeq, parseAllDocuments, YAMLMap } from 'yaml';
import type { Document, Pair, Scalar } from 'yaml';
import {
  DEPRECATED,
  deprecatedFields,
  pathText,
  steps,
  type DeprecatedField,
  type Found,
  type Path,
} from '../../crds/deprecated.ts';

export interface Migration {
  /** The text with the fields of this version. */
  text: string;
  /** What is different, such as "AgentDeployment triage: spec.limits is spec.requestLimits now". */
  changes: string[];
  /** What a person has to do. */
  faults: string[];
}

/** Rewrites the renamed and removed fields of a file's objects. All else keeps its order and comments. */
export function migrate(
  text: string,
  isJson: boolean,
  table: readonly DeprecatedField[] = DEPRECATED,
): Migration {
  const documents = parseAllDocuments(text);
  const migration: Migration = { text, changes: [], faults: [] };
  if (!Array.isArray(documents)) return migration;
  if (documents.some(({ errors }) => errors.length > 0)) {
    return { ...migration, faults: ['cannot be read as YAML'] };
  }
  for (const document of documents) rewriteDocument(document, table, migration);
  if (migration.changes.length === 0) return migration;
  return { ...migration, text: isJson ? jsonOf(documents) : yamlOf(documents, text) };
}

function rewriteDocument(
  document: Document,
  table: readonly DeprecatedField[],
  { changes, faults }: Migration,
): void {
  const { contents } = document;
  const items = isMap(contents) && contents.get('kind') === 'List' ? contents.get('items') : null;
  for (const top of isSeq(items) ? items.items : [contents]) {
    if (!isMap(top)) continue;
    const object = top.toJS(document) as Record<string, unknown>;
    const { name = '' } = (object['metadata'] ?? {}) as { name?: string };
    const label = `${String(object['kind'])} ${name}`.trim();
    // From the last on, so that paths of the others stay right.
    for (const found of deprecatedFields(object, table).reverse()) {
      const done = rewrite(document, top, found);
      if (done === undefined) {
        faults.push(`${label}: ${pathText(found.at)} is an alias; write it out, and try again`);
      } else changes.push(`${label}: ${pathText(found.at)} ${done}`);
    }
  }
}

/** Returns what has happened; undefined if an alias is in the way. */
function rewrite(document: Document, top: YAMLMap, found: Found): string | undefined {
  const within = found.at.slice(0, -1);
  const parent = mapAt(top, within);
  const pair = parent?.items.find(({ key }) => isScalar(key) && key.value === found.at.at(-1));
  if (parent === undefined || pair === undefined) return undefined;
  const next = successorOf(found);
  const taken = next !== undefined && top.hasIn(next.to);
  if (next === undefined || taken) {
    remove(top, within, pair);
    return taken
      ? `is gone, because ${pathText(next.to)} is set`
      : `is gone. ${found.field.instead}`;
  }
  (pair.key as Scalar).value = next.to.at(-1);
  if (next.value !== found.value) pair.value = document.createNode(next.value);
  const holder = next.to.slice(0, -1);
  if (pathText(holder) !== pathText(within)) {
    makeMap(document, top, holder).items.push(pair);
    remove(top, within, pair);
  }
  return `is ${pathText(next.to)} now`;
}

/** The field that gets the value; undefined for none. */
function successorOf({
  field: { moved },
  at,
  value,
}: Found): { to: Path; value: unknown } | undefined {
  if (moved === undefined) return undefined;
  const next = moved.value === undefined ? value : moved.value(value);
  return next === undefined ? undefined : { to: concrete(moved.to, at), value: next };
}

function remove(top: YAMLMap, within: Path, pair: Pair): void {
  const { items } = mapAt(top, within)!;
  items.splice(items.indexOf(pair), 1);
  dropEmpty(top, within);
}

/** The path with the indices of `at` in place of its []. */
function concrete(path: string, at: Path): Path {
  const indices = at.filter((step) => typeof step === 'number');
  return steps(path).map((step) => (step === '[]' ? indices.shift()! : step));
}

function mapAt(top: YAMLMap, path: Path): YAMLMap | undefined {
  const node = path.length === 0 ? top : top.getIn(path, true);
  return isMap(node) ? node : undefined;
}

function makeMap(document: Document, top: YAMLMap, path: Path): YAMLMap {
  const there = mapAt(top, path);
  if (there !== undefined) return there;
  const made = new YAMLMap(document.schema);
  makeMap(document, top, path.slice(0, -1)).set(document.createNode(path.at(-1)), made);
  return made;
}

/** Removes the map at the path if nothing is in it, and then those around it. The spec stays. */
function dropEmpty(top: YAMLMap, path: Path): void {
  if (path.length < 2 || mapAt(top, path)?.items.length !== 0) return;
  top.deleteIn(path);
  dropEmpty(top, path.slice(0, -1));
}

function jsonOf(documents: readonly Document[]): string {
  return documents.map((document) => `${JSON.stringify(document.toJS(), undefined, 2)}\n`).join('');
}

/** In the style of the text: its indentation of lists, and the spaces within braces. */
function yamlOf(documents: readonly Document[], text: string): string {
  const options = {
    lineWidth: 0,
    indentSeq: !/^( *)[^\s#-][^\n]*:\n\1- /m.test(text),
    flowCollectionPadding: !/[[{][^\s\]}]/.test(text),
  };
  return documents.map((document) => document.toString(options)).join('');
}
