import { definitions, type Schema } from '../../crds/definitions.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { Rules } from './rules.ts';
import { structure, type Fault } from './schema.ts';

/** Checks a custom resource as the API server does, and fills in its defaults in place. */
export type Check = (object: unknown) => Fault[];

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The checks of the custom resources, by kind. Reads the definitions. */
export function checks(): ReadonlyMap<string, Check> {
  const rules = new Rules();
  return new Map(
    definitions().map(({ definition, schema }) => [
      definition.spec.names.kind,
      check(schema, rules),
    ]),
  );
}

function check(schema: Schema, rules: Rules): Check {
  const shape = structure(schema);
  return (object) => {
    const { apiVersion } = object as { apiVersion?: unknown };
    if (apiVersion !== API_VERSION) {
      return [{ path: ['apiVersion'], message: `must be ${API_VERSION}` }];
    }
    const faults = [...badName(object), ...shape(object)];
    return faults.length > 0 ? faults : rules.broken(object, schema);
  };
}

function badName(object: unknown): Fault[] {
  const { metadata } = object as { metadata?: { name?: unknown } | null };
  const name = metadata?.name;
  if (name === undefined || name === null) {
    return [{ path: ['metadata', 'name'], message: 'is missing; add it' }];
  }
  if (typeof name === 'string' && name.length <= 253 && NAME.test(name)) return [];
  return [
    {
      path: ['metadata', 'name'],
      message:
        "must hold only lower-case letters, digits, '-' and '.', and start and end with a letter or digit",
    },
  ];
}
