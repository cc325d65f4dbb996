/** Lists the rules of a custom resource definition that need a bad manifest written by hand; bounds.ts makes the others. */
import type { Schema } from '../../../crds/definitions.ts';

/** Types of lists in which nothing may be twice. */
const UNIQUE = new Set<Schema['x-kubernetes-list-type']>(['map', 'set']);

/**
 * The rules of a definition's root and spec, each as JSON path and keyword: `$.spec required scope`,
 * `$.spec rule 0` for the first rule in CEL, `… unique` for lists in
 * which nothing may be twice, `… format` for a time.
 */
export function rules(schema: Schema): string[] {
  const { spec } = schema.properties!;
  return [...rulesAt({ ...schema, type: undefined, properties: { spec: spec! } }, '$')];
}

function* rulesAt(schema: Schema, path: string): Generator<string> {
  for (const keyword of keywords(schema)) yield `${path} ${keyword}`;
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* rulesAt(property, `${path}.${name}`);
  if (schema.items) yield* rulesAt(schema.items, `${path}[*]`);
  if (schema.additionalProperties) yield* rulesAt(schema.additionalProperties, `${path}.*`);
}

function keywords(schema: Schema): string[] {
  return [
    ...(schema.required ?? []).map((name) => `required ${name}`),
    ...(schema.format === 'date-time' ? ['format'] : []),
    ...(UNIQUE.has(schema['x-kubernetes-list-type']) ? ['unique'] : []),
    ...(schema['x-kubernetes-validations'] ?? []).map((_, index) => `rule ${index}`),
  ];
}
