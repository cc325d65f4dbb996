import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Schema } from '../../crds/definitions.ts';
import { nearest } from './nearest.ts';

/** Steps from the top of an object down to a field of it. */
export type Path = readonly (string | number)[];

/** A fault of an object: its place, and what to change. */
export interface Fault {
  path: Path;
  message: string;
}

/** Checks an object and fills in defaults, in place. */
export type Structure = (object: unknown) => Fault[];

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** The structural part of a definition's schema, as strict as kubectl: unknown fields are refused. */
export function structure(schema: Schema): Structure {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: false,
    validateSchema: false,
    verbose: true,
  });
  for (const format of ['int32', 'int64']) ajv.addFormat(format, true);
  ajv.addFormat('date-time', RFC_3339);
  let compiled: ValidateFunction | undefined;
  return (object) => {
    compiled ??= ajv.compile(closed(schema));
    dropNulls(object, schema);
    return compiled(object) ? [] : faultsOf(compiled.errors ?? []);
  };
}

/** The schema without unknown fields. Only the API server checks metadata. */
function closed(schema: Schema): object {
  const { properties, items, additionalProperties } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || properties === undefined;
  return {
    ...schema,
    ...(properties && { properties: each(properties, closedField) }),
    ...(items && { items: closed(items) }),
    ...(additionalProperties && { additionalProperties: closed(additionalProperties) }),
    ...(!open && { additionalProperties: false }),
  };
}

function closedField(schema: Schema, name: string): object {
  return name === 'metadata' || name === 'status' ? { type: 'object' } : closed(schema);
}

function each(
  record: Record<string, Schema>,
  change: (schema: Schema, name: string) => object,
): Record<string, object> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value, name)]),
  );
}

/** The API server treats null as absent if the field has a default. */
function dropNulls(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    for (const item of value) if (schema.items) dropNulls(item, schema.items);
  } else if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (record[name] === null && field.default !== undefined) delete record[name];
      else dropNulls(record[name], field);
    }
  }
}

function faultsOf(errors: readonly ErrorObject[]): Fault[] {
  return errors.map((error) => {
    const path = pathOf(error);
    return { path, message: message(error) };
  });
}

/** Names a missing or unknown field itself, not its object. */
function pathOf({ instancePath, params }: ErrorObject): Path {
  const steps = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const { missingProperty, additionalProperty } = params as Record<string, string | undefined>;
  const own = missingProperty ?? additionalProperty;
  return own === undefined ? steps : [...steps, own];
}

function message(error: ErrorObject): string {
  const { keyword, params, parentSchema, message: text } = error;
  if (keyword === 'required') return 'is missing; add it';
  if (keyword === 'additionalProperties') {
    const known = Object.keys((parentSchema as Schema | undefined)?.properties ?? {});
    return `is no field that is known here; ${instead((params as { additionalProperty: string }).additionalProperty, known)}`;
  }
  if (keyword === 'enum') {
    const { allowedValues } = params as { allowedValues: unknown[] };
    return `must be one of ${allowedValues.join(', ')}`;
  }
  if (keyword === 'type') return typeMessage(error);
  return text ?? `breaks the rule ${keyword}`;
}

function typeMessage({ params, parentSchema, data, message: text }: ErrorObject): string {
  const { type } = params as { type: string };
  if (type === 'string' && typeof data === 'number')
    return asText(data, parentSchema as Schema | undefined);
  const bytes = type === 'integer' && typeof data === 'string' ? bytesOf(data) : undefined;
  if (bytes !== undefined) return `must be a whole number; write ${bytes} for ${String(data)}`;
  return `must be ${FORMS[type] ?? text}`;
}

function asText(value: number, schema: Schema | undefined): string {
  const rules = schema?.['x-kubernetes-validations'] ?? [];
  const isDuration = rules.some(({ rule }) => rule.includes('(h|m|s|ms)'));
  return isDuration
    ? `must be a duration with its unit; write '${value}s'`
    : `must be text; write '${value}'`;
}

/** Such as 256MB and 1.5 Gi. */
const SIZE = /^(\d+(?:\.\d+)?) ?([kmgt])(i?)b?$/i;

function bytesOf(text: string): number | undefined {
  const found = SIZE.exec(text);
  if (found === null) return undefined;
  const [, number, unit, binary] = found;
  const power = 'kmgt'.indexOf(unit!.toLowerCase()) + 1;
  return Math.round(Number(number) * (binary === '' ? 1000 : 1024) ** power);
}

function instead(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'remove it';
  const meant = nearest(name, known);
  const all = `write one of ${known.join(', ')}`;
  return meant === undefined ? all : `did you mean ${meant}? Or ${all}`;
}

/** How to write each type in YAML. */
const FORMS: Record<string, string> = {
  string: 'text; write it in quotes, such as "10"',
  integer: 'a whole number; write it without quotes, such as 10',
  number: 'a number; write it without quotes, such as 0.5',
  boolean: 'true or false, without quotes',
  array: 'a list; write each element on a line of its own that begins with "- "',
  object: 'an object; write its fields below it, further in',
};
