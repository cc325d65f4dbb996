import { expect, it } from '@jest/globals';
import { nearest } from './nearest.ts';

const KNOWN = ['trip', 'openDuration', 'maxOpenDuration', 'targetRefs'];

it.each([
  ['opneDuration', 'openDuration'],
  ['opendurationn', 'openDuration'],
  ['targetRef', 'targetRefs'],
  ['colour', undefined],
])('takes %s for %s', (name, meant) => {
  expect(nearest(name, KNOWN)).toBe(meant);
});
