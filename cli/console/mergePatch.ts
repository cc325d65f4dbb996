import { isDeepStrictEqual } from 'node:util';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The JSON Merge Patch (RFC 7396) that turns one value into the other; undefined if they are equal. */
export function mergePatch(from: unknown, to: unknown): Json | undefined {
  if (isDeepStrictEqual(from, to)) return undefined;
  if (!isObject(from) || !isObject(to)) return (to ?? null) as Json;
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return Object.fromEntries(
    names.flatMap((name): [string, Json][] => {
      if (!Object.hasOwn(to, name)) return [[name, null]];
      const patch = mergePatch(from[name], to[name]);
      return patch === undefined ? [] : [[name, patch]];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
