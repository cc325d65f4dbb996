import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { definitions, type Schema } from './definitions.ts';

const parseYaml11 = (text: string): unknown => parse(text, { version: '1.1' });

/** Every schema below the given one, itself included, by path. */
function* walk(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* walk(property, `${path}.${name}`);
  if (schema.items) yield* walk(schema.items, `${path}[*]`);
  if (schema.additionalProperties) yield* walk(schema.additionalProperties, `${path}.*`);
}

describe.each(definitions())('$plural', ({ schema }) => {
  const { spec, status } = schema.properties!;
  const specFields = [...walk(spec!, 'spec')];
  const all = [...specFields, ...walk(status!, 'status')];
  const paths = (found: [string, Schema][]): string[] => found.map(([path]) => path);

  it('describes every field', () => {
    const undescribed = all.filter(
      ([path, field]) => !field.description && !path.endsWith('[*]') && !path.endsWith('.*'),
    );
    expect(paths(undescribed)).toEqual([]);
  });

  it('names every default that is not an object in the description', () => {
    const silent = specFields.filter(
      ([, { default: value, description, type }]) =>
        value !== undefined &&
        type !== 'object' &&
        typeof [value].flat()[0] !== 'object' &&
        !description!.includes(`Default ${[value as string | string[]].flat().join(', ')}`),
    );
    expect(paths(silent)).toEqual([]);
  });

  it('bounds every string, number, list and map', () => {
    const unbounded = all.filter(([path, field]) => {
      const { type, enum: values, format } = field;
      if (type === 'string') return !values && !field.maxLength && format !== 'date-time';
      if (type === 'integer') return path.startsWith('spec') && field.maximum === undefined;
      if (type === 'array') return !field.maxItems;
      return field.additionalProperties !== undefined && !field.maxProperties;
    });
    expect(paths(unbounded)).toEqual([]);
  });

  it('states in every rule what to write instead', () => {
    const rules = [...walk(schema, '$')].flatMap(([path, field]) =>
      (field['x-kubernetes-validations'] ?? []).map(({ message }) => [path, message ?? '']),
    );
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter(([, message]) => !/\b(must|set)\b/.test(message!))).toEqual([]);
  });

  it('has no text that YAML 1.1, which kubectl reads, reads as another type', () => {
    const mistaken = specFields.filter(([, { enum: values = [] }]) =>
      values.some((value) => typeof value === 'string' && typeof parseYaml11(value) !== 'string'),
    );
    expect(paths(mistaken)).toEqual([]);
  });
});
