import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { mergePatch } from './mergePatch.ts';

/** Applies a patch as section 2 of RFC 7396 says. */
function applied(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = applied(result[name], value);
  }
  return result;
}

const spec = fc.letrec((tie) => ({
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
  // A merge patch cannot write null.
  value: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()), tie('object')),
})).object;

describe('a merge patch', () => {
  it('turns one spec into the other', () => {
    fc.assert(
      fc.property(spec, spec, (from, to) => {
        const patch = mergePatch(from, to);
        expect(patch === undefined ? from : applied(from, patch)).toEqual(to);
      }),
    );
  });

  it('is undefined for equal specs', () => {
    fc.assert(
      fc.property(spec, (one) => {
        expect(mergePatch(one, JSON.parse(JSON.stringify(one)))).toBeUndefined();
      }),
    );
  });
});
