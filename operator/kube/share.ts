/**
 * Lets `value` use the parts of `like` that are equal to its own, so that many alike objects need little memory. Neither may
 * change afterwards. Parts are equal if their JSON is, in the order of its keys too: what is made of them is hashed as text.
 *
 * @returns `like` if all of it is equal; otherwise `value`, which is changed in place
 */
export function share<T>(value: T, like: unknown): T {
  return shared(value, like) as T;
}

/** A transform after which each object shares with the one before it. */
export function sharing<T>(transform: (object: T) => T): (object: T) => T {
  let before: T | undefined;
  return (object) => (before = share(transform(object), before));
}

function shared(value: unknown, like: unknown): unknown {
  if (value === like) return like;
  if (!isObject(value) || !isObject(like) || Array.isArray(value) !== Array.isArray(like)) {
    return value;
  }
  const keys = Object.keys(value);
  const others = Object.keys(like);
  let isEqual = keys.length === others.length;
  for (const [index, key] of keys.entries()) {
    isEqual &&= key === others[index];
    if (!Object.hasOwn(like, key)) continue;
    value[key] = shared(value[key], like[key]);
    isEqual &&= value[key] === like[key];
  }
  return isEqual ? like : value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
