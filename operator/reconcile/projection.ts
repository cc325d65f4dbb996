import { isDeepStrictEqual } from 'node:util';

/**
 * Fields that their writer owns as a whole, down to what others add to them: selectors and the rules of a
 * NetworkPolicy, which say who may do what. The API server fills nothing in there.
 */
const WHOLE = new Set(['selector', 'podSelector', 'ingress']);

/**
 * Whether `value` has every field that `shape` has, with the same value: then their projections are equal. It makes
 * neither of them, as most looks at an object find that nothing has changed.
 */
export function carries(value: unknown, shape: unknown): boolean {
  if (Array.isArray(shape)) {
    return (
      Array.isArray(value) &&
      value.length === shape.length &&
      shape.every((item, index) => carries(value[index], item))
    );
  }
  if (!isObject(shape)) return value === shape;
  if (!isObject(value)) return false;
  return Object.keys(shape).every((key) =>
    WHOLE.has(key) ? isDeepStrictEqual(value[key], shape[key]) : carries(value[key], shape[key]),
  );
}

/**
 * The fields of `value` that `shape` has too, as a canonical string: what the owner of `shape` sees
 * of an object to which the API server and others have added fields of their own.
 */
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
        .map((key) => [key, WHOLE.has(key) ? sorted(value[key]) : project(value[key], shape[key])]),
    );
  }
  return value;
}

/** The value with the keys of its objects in order. */
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
