/** Writes crds/generated/types.ts: the custom resources as the API server stores them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { parse } from 'yaml';

const directory = import.meta.dirname;
const plurals = ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'];

interface Definition {
  spec: { names: { kind: string }; versions: { schema: { openAPIV3Schema: JSONSchema } }[] };
}

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
  if (items) result.items = toJsonSchema(items as JSONSchema);
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

function resource(plural: string): [string, JSONSchema] {
  const crd = parse(readFileSync(join(directory, `${plural}.yaml`), 'utf8')) as Definition;
  const schema = toJsonSchema(crd.spec.versions[0]!.schema.openAPIV3Schema);
  schema.properties!.apiVersion = { const: 'breakwater.dev/v1alpha1' };
  schema.properties!.kind = { const: crd.spec.names.kind };
  schema.properties!.metadata = { tsType: 'ObjectMeta' };
  schema.required = ['apiVersion', 'kind', 'metadata', 'spec'];
  for (const part of ['spec', 'status'])
    schema.properties![part]!.title =
      `${crd.spec.names.kind}${part === 'spec' ? 'Spec' : 'Status'}`;
  return [crd.spec.names.kind, schema];
}

const types = await compile(
  {
    title: 'Crds',
    type: 'object',
    additionalProperties: false,
    definitions: Object.fromEntries(plurals.map(resource)),
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
writeFileSync(join(directory, 'generated/types.ts'), types);
