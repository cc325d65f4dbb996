import { expect, it } from '@jest/globals';
import type { Limit } from './generated/types.ts';
import { limitAt, nextOverrideEnd } from './limitOverride.ts';

const LIMIT: Limit = {
  ...{ target: 'inbound', policy: 'triage', name: 'requests', resource: 'Requests' },
  ...{ refill: { amount: 10, perMs: 1000 }, capacity: 100 },
  ...{ maxKeys: 1, onLimit: 'Reject', maxWaitMs: 2000, mode: 'Enforce', requires: [] },
};
const END = Date.parse('2026-01-01T00:10:00Z');
const FIGURES = { refill: { amount: 5, perMs: 1000 }, capacity: 20 };
const held: Limit = { ...LIMIT, override: { ...FIGURES, expiresAt: '2026-01-01T00:10:00.000Z' } };

it('a limit has the figures of its override until the end, and then its own', () => {
  expect(limitAt(held, END - 1)).toMatchObject(FIGURES);
  expect(limitAt(held, END)).toEqual(LIMIT);
  expect(limitAt({ ...LIMIT, override: FIGURES }, Number.MAX_SAFE_INTEGER)).toMatchObject(FIGURES);
});

it('the next end is that of an override in force', () => {
  expect(nextOverrideEnd([LIMIT, held], 0)).toBe(END);
  expect(nextOverrideEnd([LIMIT, held], END)).toBe(Infinity);
});
