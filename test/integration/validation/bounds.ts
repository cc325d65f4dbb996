/** Bad manifests for what the schemas say of types, bounds, lengths and choices, made from the schemas themselves. */
import type { Schema } from '../../../crds/definitions.ts';

const BOUNDS = [
  'type',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;
type Bound = (typeof BOUNDS)[number];

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
  for (const bound of BOUNDS.filter((name) => schema[name] !== undefined))
    yield {
      rule: `$.${path} ${bound}`,
      spec: place(badValue(schema, bound)),
      field,
      message: complaint(schema, bound),
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
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sample(schema.properties![name]!, number)]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, (_, i) => sample(schema.items!, i));
    case 'string':
      return schema.enum?.[0] ?? `a${number}`.padEnd(schema.minLength ?? 0, 'a');
    case 'integer':
      return schema.minimum ?? 1;
    default:
      return false;
  }
}

function badValue(schema: Schema, bound: Bound): unknown {
  switch (bound) {
    case 'type':
      return schema.type === 'string' ? 3 : 'text';
    case 'enum':
      return 'Other';
    case 'minimum':
      return schema.minimum! - 1;
    case 'maximum':
      return schema.maximum! + 1;
    case 'minLength':
      return 'a'.repeat(schema.minLength! - 1);
    case 'maxLength':
      return 'a'.repeat(schema.maxLength! + 1);
    case 'minItems':
      return items(schema, schema.minItems! - 1);
    case 'maxItems':
      return items(schema, schema.maxItems! + 1);
    case 'minProperties':
      return entries(schema, schema.minProperties! - 1);
    case 'maxProperties':
      return entries(schema, schema.maxProperties! + 1);
  }
}

const items = ({ items: item }: Schema, length: number): unknown[] =>
  Array.from({ length }, (_, index) => sample(item!, index));

const entries = ({ additionalProperties: value }: Schema, length: number): object =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`entry${index}`, value ? sample(value, index) : 'x']),
  );

/** Part of what the API server says when the bound is broken. */
function complaint(schema: Schema, bound: Bound): string {
  const limit = schema[bound];
  const texts: Record<Bound, string> = {
    type: `must be of type ${schema.type}`,
    enum: `Unsupported value: "Other": supported values: ${schema.enum?.map((value) => `"${value}"`).join(', ')}`,
    minimum: `should be greater than or equal to ${limit}`,
    maximum: `should be less than or equal to ${limit}`,
    minLength: `should be at least ${limit} chars long`,
    maxLength: `may not be more than ${limit} bytes`,
    minItems: `should have at least ${limit} items`,
    maxItems: `must have at most ${limit} items`,
    minProperties: `should have at least ${limit} properties`,
    maxProperties: `must have at most ${limit} items`,
  };
  return texts[bound];
}
