/** The API reference, docs/reference/api.md, from the custom resource definitions. */
import type { PrinterColumn, Schema, Source } from './definitions.ts';

interface Field {
  path: string;
  schema: Schema;
  required: boolean;
}

/** Markdown with a section per kind: columns, and a table each of what a user writes and of status. */
export function reference(sources: Source[]): string {
  const kinds = sources.map(({ definition }) => definition.spec.names.kind);
  const lines = [
    '<!-- Generated from the YAML in crds/ by `make generate`; do not edit. -->',
    '',
    '# API reference: `breakwater.dev/v1alpha1`',
    '',
    `Kinds: ${kinds.map((kind) => `[${kind}](#${kind.toLowerCase()})`).join(', ')}. All are namespaced.`,
    '`kubectl explain` says the same on the command line.',
    '',
    'A **bold** field is required within its parent. A duration is a row of numbers with the units h, m, s and ms, such as',
    '`1m30s`. `[]` stands for each item of a list, `.*` for each value of a map.',
    ...sources.flatMap(section),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function section({ definition, schema }: Source): string[] {
  const { names, versions } = definition.spec;
  const rules = ruleLines(schema);
  return [
    '',
    `## ${names.kind}`,
    '',
    schema.description!,
    '',
    `\`kubectl get ${definition.metadata.name}\`, for short \`kubectl get ${names.shortNames.join('`, `')}\`, prints:`,
    '',
    ...columnTable(versions[0]!.additionalPrinterColumns),
    ...(rules.length > 0
      ? ['', 'Rules:', '', ...rules.map((rule) => `- \`metadata.name\`: ${rule}`)]
      : []),
    '',
    `### ${names.kind} spec`,
    '',
    ...fieldTable(schema.properties!.spec!, 'spec', true),
    '',
    `### ${names.kind} status`,
    '',
    'Written by the operator alone.',
    '',
    ...fieldTable(schema.properties!.status!, 'status', false),
  ];
}

function columnTable(columns: PrinterColumn[]): string[] {
  return table(
    ['Column', 'Meaning'],
    columns.map(({ name, description, priority }) => [
      name.toUpperCase(),
      `${description ?? 'Time since the object was made.'}${priority ? ' Only with `-o wide`.' : ''}`,
    ]),
  );
}

function fieldTable(root: Schema, name: string, rules: boolean): string[] {
  const rows = [...fields({ path: name, schema: root, required: name === 'spec' })].map((field) => [
    field.required ? `**\`${field.path}\`**` : `\`${field.path}\``,
    typeName(field.schema),
    ...(rules ? [defaultValue(field.schema), allowed(field.schema)] : []),
    meaning(field.schema, rules),
  ]);
  return table(['Field', 'Type', ...(rules ? ['Default', 'Rules'] : []), 'Meaning'], rows);
}

function* fields(field: Field): Generator<Field> {
  yield field;
  yield* nested(field.path, field.schema);
}

function* nested(path: string, schema: Schema): Generator<Field> {
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* fields({
      path: `${path}.${name}`,
      schema: property,
      required: schema.required?.includes(name) ?? false,
    });
  if (schema.items) yield* nested(`${path}[]`, schema.items);
  if (schema.additionalProperties) yield* nested(`${path}.*`, schema.additionalProperties);
}

/** The description; what a value can be is in a column of its own where rules are shown. */
function meaning(schema: Schema, rules: boolean): string {
  const values = rules ? undefined : schema.enum?.map(code).join(', ');
  return `${schema.description ?? ''}${values ? ` One of ${values}.` : ''}`;
}

function typeName(schema: Schema): string {
  if (schema.items) return `list of ${typeName(schema.items)}s`;
  if (schema.additionalProperties) return `map of ${typeName(schema.additionalProperties)}s`;
  if (schema.format === 'date-time') return 'time';
  if (schema['x-kubernetes-int-or-string']) return 'integer or string';
  return schema.type ?? 'any';
}

function defaultValue(schema: Schema): string {
  // An empty object stands for the defaults of the fields in it.
  if (schema.default === undefined || JSON.stringify(schema.default) === '{}') return '';
  return code(typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default));
}

/** What a value must be, in words. */
function allowed(schema: Schema): string {
  const item = schema.additionalProperties;
  return [
    ...(schema.enum ? [schema.enum.map(code).join(' or ')] : []),
    ...range(schema.minimum, schema.maximum, ''),
    ...range(schema.minLength, schema.maxLength, ' characters'),
    ...range(schema.minItems, schema.maxItems, ' items'),
    ...range(schema.minProperties, schema.maxProperties, ' entries'),
    ...(schema['x-kubernetes-list-map-keys'] ?? []).map((key) => `${code(key)} is unique`),
    ...ruleLines(schema),
    ...(item && allowed(item) ? [`each value: ${allowed(item)}`] : []),
  ].join('; ');
}

function range(minimum: number | undefined, maximum: number | undefined, unit: string): string[] {
  if (minimum === undefined && maximum === undefined) return [];
  if (minimum === maximum)
    return [`exactly ${minimum}${unit.replace(/s$/, minimum === 1 ? '' : 's')}`];
  if (minimum === undefined) return [`at most ${maximum}${unit}`];
  if (maximum === undefined) return [`at least ${minimum}${unit}`];
  return [`${minimum} to ${maximum}${unit}`];
}

function ruleLines(schema: Schema): string[] {
  return (schema['x-kubernetes-validations'] ?? []).map(({ message, fieldPath }) =>
    fieldPath && fieldPath !== '.metadata.name'
      ? `${code(fieldPath.slice(1))} ${message}`
      : message!,
  );
}

const code = (text: string): string => `\`${text}\``;

function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
