import { isMap, parseDocument, type Document, type Pair, type Scalar, type YAMLMap } from 'yaml';

/** The part of JSON Schema that values.schema.json uses. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  items?: Schema;
  definitions?: Record<string, Schema>;
}

type Entry = Pair<Scalar<string>, unknown>;

/** Values that Helm itself passes to charts, which stand in the schema only. */
const OF_HELM = new Set(['global']);

const HEADER = `<!-- Generated from values.schema.json and values.yaml by \`make generate\`; do not edit. -->

# Breakwater

Installs the operator and its custom resource definitions. Kubernetes 1.31 or later.

\`\`\`
helm install breakwater charts/breakwater --namespace breakwater-system --create-namespace \\
  --set image.operator=REGISTRY/breakwater/operator:TAG --set image.runtime=REGISTRY/breakwater/runtime:TAG --wait
helm test breakwater --namespace breakwater-system
\`\`\`

[Installing, upgrading and removing](../../docs/install.md) has more, [versions](../../docs/versions.md) what works with what. A release has
this chart with its images set.

## Values

A value that is misspelt or of the wrong form is refused with its name.

| Value | Type | Default | Meaning |
| --- | --- | --- | --- |
`;

/**
 * README.md of the chart: a row for each value of the schema, with the default and the comment that values.yaml has.
 * Throws an Error that names a value which is missing there, or of which nothing is said.
 */
export function chartReadme(schemaText: string, valuesText: string): string {
  const schema = JSON.parse(schemaText) as Schema;
  const values = parseDocument(valuesText);
  return HEADER + rows(schema, schema, values.contents as YAMLMap, values, '').join('');
}

function rows(
  root: Schema,
  schema: Schema,
  values: YAMLMap,
  document: Document | undefined,
  prefix: string,
): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, referring]) => {
    const path = `${prefix}${name}`;
    if (OF_HELM.has(path)) return [];
    const [entry, meaning] = find(values, document, name, path);
    const part = resolved(root, referring);
    if (part.properties === undefined) {
      if (meaning === '') throw new Error(`values.yaml says nothing of ${path}`);
      return [row(path, kindOf(part), code(valueOf(entry)), meaning)];
    }
    if (!isMap(entry.value)) throw new Error(`${path} of values.yaml must be a map`);
    const group = meaning === '' ? [] : [row(path, 'object', '', meaning)];
    return [...group, ...rows(root, part, entry.value, undefined, `${path}.`)];
  });
}

/** The entry of a name, and the comment before it. The one of the first entry belongs to the map, or to the document. */
function find(
  values: YAMLMap,
  document: Document | undefined,
  name: string,
  path: string,
): [Entry, meaning: string] {
  const index = values.items.findIndex(({ key }) => (key as Scalar<string>).value === name);
  if (index < 0) throw new Error(`values.yaml lacks ${path}, which values.schema.json has`);
  const entry = values.items[index] as Entry;
  const first = index === 0 ? (values.commentBefore ?? document?.commentBefore) : undefined;
  return [entry, plain(entry.key.commentBefore ?? first)];
}

const row = (path: string, kind: string, value: string, meaning: string): string =>
  `| \`${path}\` | ${kind} | ${value} | ${escaped(meaning)} |\n`;

function resolved(root: Schema, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  return root.definitions![schema.$ref.replace('#/definitions/', '')]!;
}

/** What a value may be, such as: integer, 1 to 10. */
function kindOf(schema: Schema): string {
  if (schema.enum !== undefined) {
    return schema.enum.map((each) => code(each === '' ? "''" : String(each))).join(' or ');
  }
  const { type, minimum, maximum, maxItems, pattern } = schema;
  const bounds = [
    ...(minimum === undefined
      ? []
      : [maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems} items`]),
    ...(pattern === undefined ? [] : [code(escaped(pattern))]),
  ];
  return [[type].flat().join(' or '), ...bounds].join(', ');
}

function valueOf({ value }: Entry): string {
  const text = JSON.stringify((value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null);
  return text === '""' ? "''" : text;
}

const code = (text: string): string => `\`${text}\``;

const escaped = (text: string): string => text.replaceAll('|', '\\|');

const plain = (comment: string | null | undefined): string =>
  (comment ?? '')
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
