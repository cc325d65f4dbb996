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
        .map((key) => [key, project(value[key], shape[key])]),
    );
  }
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
