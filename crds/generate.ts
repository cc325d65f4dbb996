/**
 * Writes what is made from the custom resource definitions: their types (crds/generated/types.ts:
 * the resources as the API server stores them), what an empty spec has (crds/generated/defaults.ts),
 * where an agent names a Secret (crds/generated/secretNames.ts), the API reference and the chart's template.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { format, resolveConfig } from 'prettier';
import { chartTemplate } from './chart.ts';
import { definitions, type Schema, type Source } from './definitions.ts';
import { deprecationTable, SINCE, UNTIL } from './deprecated.ts';
import { reference } from './reference.ts';

const root = join(import.meta.dirname, '..');

/**
 * The OpenAPI schema as JSON Schema. What has a default is required: the API server has filled it
 * in by the time anyone reads the object.
 */
function toJsonSchema(schema: JSONSchema): JSONSchema {
  const { properties, items, additionalProperties, ...rest } = schema;
  const open = rest['x-kubernetes-preserve-unknown-fields'] === true;
  const result: JSONSchema = Object.fromEntries(
    Object.entries(rest).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'default'),
  );
  if (rest['x-kubernetes-int-or-string'] === true) result.type = ['integer', 'string'];
  if (items) result.items = toJsonSchema(items);
  if (additionalProperties)
    result.additionalProperties = toJsonSchema(additionalProperties as JSONSchema);
  else if (rest.type === 'object') result.additionalProperties = open;
  if (properties) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, toJsonSchema(property)]),
    );
    const defaulted = Object.entries(properties).filter(
      ([, property]) => property.default !== undefined,
    );
    const required = new Set([
      ...((rest.required as string[] | undefined) ?? []),
      ...defaulted.map(([name]) => name),
    ]);
    if (required.size > 0) result.required = [...required];
  }
  return result;
}

function resource(source: Source): [string, JSONSchema] {
  const { kind } = source.definition.spec.names;
  const schema = toJsonSchema(source.schema as JSONSchema);
  schema.properties!.apiVersion = { const: 'breakwater.dev/v1alpha1' };
  schema.properties!.kind = { const: kind };
  schema.properties!.metadata = { tsType: 'ObjectMeta' };
  schema.required = ['apiVersion', 'kind', 'metadata', 'spec'];
  for (const part of ['spec', 'status'])
    schema.properties![part]!.title = `${kind}${part === 'spec' ? 'Spec' : 'Status'}`;
  return [kind, schema];
}

/** The value as the API server fills in its defaults; of a list, which has none of its own, as it is. */
function defaulted(schema: Schema, value: unknown = schema.default): unknown {
  if (schema.properties === undefined || typeof value !== 'object') return value;
  const fields = Object.entries(schema.properties).map(([name, property]) => [
    name,
    defaulted(property, (value as Record<string, unknown>)[name]),
  ]);
  return { ...value, ...Object.fromEntries(fields.filter(([, field]) => field !== undefined)) };
}

/** As a constant such as CIRCUIT_BREAKER_POLICY_DEFAULTS. */
function defaultsText({ definition, schema }: Source): string {
  const { kind } = definition.spec.names;
  const name = kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  const value = JSON.stringify(defaulted(schema.properties!.spec!, {}), undefined, 2);
  return `export const ${name}_DEFAULTS = ${value} satisfies Partial<${kind}Spec>;`;
}

/** Paths below the schema at which a Secret is named, such as model.endpoints[].apiKeySecretRef.name. */
function secretNames({ properties = {} }: Schema): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const step = property.type === 'array' ? `${name}[]` : name;
    if (/(^s|S)ecret(Key)?Ref$/.test(name)) return [`${step}.name`];
    return secretNames(property.items ?? property).map((path) => `${step}.${path}`);
  });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const sources = definitions();

const types = await compile(
  {
    title: 'Crds',
    type: 'object',
    additionalProperties: false,
    definitions: Object.fromEntries(sources.map(resource)),
  },
  'Crds',
  {
    additionalProperties: false,
    unreachableDefinitions: true,
    ignoreMinAndMaxItems: true,
    bannerComment:
      "/* Generated from the YAML in crds/ by `make generate`; do not edit. */\nimport type { ObjectMeta } from '../meta.ts';",
    style: { singleQuote: true, printWidth: 100 },
  },
);
write('crds/generated/types.ts', types);
write(
  'crds/generated/defaults.ts',
  [
    '/* Generated from the YAML in crds/ by `make generate`; do not edit. What the API server makes of an empty spec. */',
    `import type { ${sources.map(({ definition }) => `${definition.spec.names.kind}Spec`).join(', ')} } from './types.ts';`,
    ...sources.map(defaultsText),
    '',
  ].join('\n'),
);
write(
  'crds/generated/secretNames.ts',
  [
    '/* Generated from the YAML in crds/ by `make generate`; do not edit. Where the spec of an agent names a Secret. */',
    `export const SECRET_NAMES = ${JSON.stringify(secretNames(sources[0]!.schema.properties!.spec!), undefined, 2)} as const;`,
    '',
  ].join('\n'),
);
write('charts/breakwater/templates/crds.yaml', chartTemplate(sources.map(({ text }) => text)));
write('docs/reference/api.md', reference(sources));
write(
  'docs/reference/deprecated.md',
  [
    '<!-- Generated from crds/deprecated.ts by `make generate`; do not edit. -->',
    '',
    '# Renamed and removed fields',
    '',
    `Version ${SINCE} changed these fields of \`breakwater.dev/v1alpha1\`. They stay in the definitions until ${UNTIL}.`,
    '',
    '- A **renamed** field is read where its successor is absent.',
    '- A **removed** field is ignored. An object that has it can be edited. A manifest that newly sets it is refused.',
    '- The condition `DeprecatedFields` of an object names those that it sets, and so do `kubectl breakwater why` and `status`.',
    '- `breakwater migrate -f PATH` rewrites manifests, and `--check` says what it would rewrite.',
    '',
    deprecationTable(),
    '',
  ].join('\n'),
);
const changes = join(root, 'CHANGELOG.md');
const rewritten = readFileSync(changes, 'utf8').replace(
  /(<!-- renamed and removed fields -->\n)[^]*?(<!-- end -->)/,
  (_, start: string, end: string) => `${start}\n${deprecationTable()}\n\n${end}`,
);
write(
  'CHANGELOG.md',
  await format(rewritten, { ...(await resolveConfig(changes)), filepath: changes }),
);
