import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';

/**
 * `expect(seen).toEqual(wanted)` for the thousands of traces of a property. Jest's own comparison takes longer than
 * the code under test, so it only words the difference.
 */
export function expectSame(seen: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(seen, wanted)) expect(seen).toEqual(wanted);
}
