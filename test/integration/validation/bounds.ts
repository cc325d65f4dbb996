/** Bad manifests for what the schemas say of types, bounds, lengths and choices, made from the schemas themselves. */
import type { Schema } from '../../../crds/definitions.ts';

export interface BoundRow {
  /** The rule that the manifest breaks, as `rules` names it. */
  rule: string;
  spec: unknown;
  /** The field that the API server names … */
  field: string;
  /** … and what it says of it, among other things. */
  message: string;
}

/** Puts a value where it belongs in a spec, and answers the spec. */
type Place = (value: unknown) => unknown;

interface Bound {
  /** A value that breaks it. */
  bad: (schema: Schema) => unknown;
  /** Part of what the API server says then. */
  says: (schema: Schema) => string;
}

const BOUNDS = {
  type: {
    bad: ({ type }) => (type === 'string' ? 3 : 'text'),
    says: ({ type, format }) => `must be of type ${format === 'date-time' ? format : type}`,
  },
  enum: {
    bad: () => 'Other',
    says: ({ enum: values }) =>
      `Unsupported value: "Other": supported values: ${values!.map((value) => `"${value}"`).join(', ')}`,
  },
  minimum: {
    bad: ({ minimum }) => minimum! - 1,
    says: ({ minimum }) => `should be greater than or equal to ${minimum}`,
  },
  maximum: {
    bad: ({ maximum }) => maximum! + 1,
    says: ({ maximum }) => `should be less than or equal to ${maximum}`,
  },
  minLength: {
    bad: ({ minLength }) => 'a'.repeat(minLength! - 1),
    says: ({ minLength }) => `should be at least ${minLength} chars long`,
  },
  maxLength: {
    bad: ({ maxLength }) => 'a'.repeat(maxLength! + 1),
    says: ({ maxLength }) => `may not be more than ${maxLength} bytes`,
  },
  minItems: {
    bad: (schema) => items(schema, schema.minItems! - 1),
    says: ({ minItems }) => `should have at least ${minItems} items`,
  },
  maxItems: {
    bad: (schema) => items(schema, schema.maxItems! + 1),
    says: ({ maxItems }) => `must have at most ${maxItems} items`,
  },
  minProperties: {
    bad: (schema) => entries(schema, schema.minProperties! - 1),
    says: ({ minProperties }) => `should have at least ${minProperties} properties`,
  },
  maxProperties: {
    bad: (schema) => entries(schema, schema.maxProperties! + 1),
    says: ({ maxProperties }) => `must have at most ${maxProperties} items`,
  },
} satisfies Record<string, Bound>;

/** A row for each bound in the spec of a kind. `smallest` is a spec that is accepted. */
export function boundRows(schema: Schema, smallest: Record<string, unknown>): BoundRow[] {
  return [...rowsAt(schema.properties!.spec!, 'spec', 'spec', (value) => value, smallest)];
}

function* rowsAt(
  schema: Schema,
  path: string,
  field: string,
  place: Place,
  siblings = required(schema),
): Generator<BoundRow> {
  for (const [name, { bad, says }] of Object.entries(BOUNDS) as [keyof typeof BOUNDS, Bound][])
    if (schema[name] !== undefined)
      yield {
        rule: `$.${path} ${name}`,
        spec: place(bad(schema)),
        field,
        message: says(schema),
      };
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* rowsAt(property, `${path}.${name}`, `${field}.${name}`, (value) =>
      place({ ...siblings, [name]: value }),
    );
  if (schema.items)
    yield* rowsAt(schema.items, `${path}[*]`, `${field}[0]`, (value) => place([value]));
  if (schema.additionalProperties)
    yield* rowsAt(schema.additionalProperties, `${path}.*`, `${field}.entry`, (value) =>
      place({ entry: value }),
    );
}

/** The required properties of an object, with values of their types. */
function required(schema: Schema): Record<string, unknown> {
  return Object.fromEntries(
    (schema.required ?? []).map((name) => [name, sample(schema.properties![name]!)]),
  );
}

/** A value of the schema's type and bounds. Numbered ones differ. */
function sample(schema: Schema, number = 0): unknown {
  const samples = {
    object: () =>
      Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sample(schema.properties![name]!, number)]),
      ),
    array: () => items(schema, schema.minItems ?? 0),
    string: () => schema.enum?.[0] ?? `a${number}`.padEnd(schema.minLength ?? 0, 'a'),
    integer: () => schema.minimum ?? 1,
    boolean: () => false,
  };
  // Numbers and texts alike have no type.
  return samples[schema.type ?? 'integer']();
}

const items = ({ items: item }: Schema, length: number): unknown[] =>
  Array.from({ length }, (_, index) => sample(item!, index));

const entries = ({ additionalProperties: value }: Schema, length: number): object =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`entry${index}`, value ? sample(value, index) : 'x']),
  );
