import { isDeepStrictEqual } from 'node:util';

/**
 * Fields that must equal ours as a whole, without additions of other writers: selectors and the rules of a
 * NetworkPolicy, since they grant access. The API server sets no defaults in them.
 */
const EXACT = new Set(['selector', 'podSelector', 'ingress']);

/**
 * Whether `value` has every field of `shape` with the same value. Then their projections are equal, but this needs
 * less time: most comparisons find no change.
 */
export function hasFieldsOf(value: unknown, shape: unknown): boolean {
  if (Array.isArray(shape)) {
    return (
      Array.isArray(value) &&
      value.length === shape.length &&
      shape.every((item, index) => hasFieldsOf(value[index], item))
    );
  }
  if (!isObject(shape)) return value === shape;
  if (!isObject(value)) return false;
  return Object.keys(shape).every((key) =>
    EXACT.has(key)
      ? isDeepStrictEqual(value[key], shape[key])
      : hasFieldsOf(value[key], shape[key]),
  );
}

/** Paths of the fields of `shape` that `value` has not, or with another value, such as .spec.replicas. */
export function changedFields(value: unknown, shape: unknown, path = ''): string[] {
  if (hasFieldsOf(value, shape)) return [];
  if (!isObject(value) || !isObject(shape)) return [path];
  return Object.keys(shape).flatMap((key) => {
    const below = `${path}.${key}`;
    if (!EXACT.has(key)) return changedFields(value[key], shape[key], below);
    return isDeepStrictEqual(value[key], shape[key]) ? [] : [below];
  });
}

/** The fields of `value` that `shape` has too, as a canonical string: fields of other writers are left out. */
export function projection(value: unknown, shape: unknown): string {
  return JSON.stringify(project(value, shape)) ?? 'undefined';
}

function project(value: unknown, shape: unknown): unknown {
  if (Array.isArray(shape) && Array.isArray(value)) {
    if (shape.length !== value.length) return value;
    return value.map((item, index) => project(item, shape[index]));
  }
  if (isObject(shape) && isObject(value)) {
    return Object.fromEntries(
      Object.keys(shape)
        .sort()
        .map((key) => [key, EXACT.has(key) ? sorted(value[key]) : project(value[key], shape[key])]),
    );
  }
  return value;
}

/** Sorts the keys of all objects in the value. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
