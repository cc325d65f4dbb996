import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { definitions, type Schema, type Source } from './definitions.ts';
import { DEPRECATED, description, refusal, steps } from './deprecated.ts';

const parseYaml11 = (text: string): unknown => parse(text, { version: '1.1' });

/** Every schema below the given one, itself included, by path. */
function* walk(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* walk(property, `${path}.${name}`);
  if (schema.items) yield* walk(schema.items, `${path}[*]`);
  if (schema.additionalProperties) yield* walk(schema.additionalProperties, `${path}.*`);
}

/**
 * The spec of an AgentDeployment has at most so many fields. Deprecated fields do not count. Rule sets, patterns and a detector for injection are 11, a
 * program 20, endpoints at clouds 9, their identities 9.
 */
const MOST_FIELDS = 349;

it('the spec of an AgentDeployment has at most 349 fields', () => {
  const [{ schema }] = definitions() as [Source];
  const fields = [...walk(schema.properties!['spec']!, 'spec')].filter(
    ([path, { description = '' }]) =>
      path !== 'spec' && /\w$/.test(path) && !/^(Renamed|Removed) in /.test(description),
  );
  expect(fields.length).toBeLessThanOrEqual(MOST_FIELDS);
});

describe.each(definitions())('$plural', ({ schema, definition }) => {
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

  it('says of renamed and removed fields what the table says, and refuses removed ones that are new', () => {
    const { kind } = definition.spec.names;
    for (const field of DEPRECATED.filter((each) => each.kind === kind)) {
      const path = steps(field.path).map((step) => (step === '[]' ? '[*]' : `.${step}`));
      const find = (steps_: string[]): Schema | undefined =>
        specFields.find(([each]) => each === steps_.join('').slice(1))?.[1];
      expect([field.path, find(path)?.description]).toEqual([field.path, description(field)]);
      const rules = find(path.slice(0, -1))?.['x-kubernetes-validations'] ?? [];
      const own = rules.filter(({ rule }) => rule === refusal(field).rule);
      expect([field.path, own]).toEqual([
        field.path,
        field.how === 'Removed' ? [refusal(field)] : [],
      ]);
    }
  });

  it('has no text that YAML 1.1, which kubectl reads, reads as another type', () => {
    const mistaken = specFields.filter(([, { enum: values = [] }]) =>
      values.some((value) => typeof value === 'string' && typeof parseYaml11(value) !== 'string'),
    );
    expect(paths(mistaken)).toEqual([]);
  });
});
