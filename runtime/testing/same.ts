import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';

/**
 * As `expect(seen).toEqual(wanted)`, for the thousands of traces of a property. Jest's comparison takes longer than the
 * code under test, so it only prints the difference.
 */
export function expectSame(seen: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(seen, wanted)) expect(seen).toEqual(wanted);
}
