import { describe, expect, it } from '@jest/globals';
import { briefly, clock, since, until } from './time.ts';

const NOW = new Date('2026-11-21T10:00:00.000Z');

describe('times', () => {
  it.each([
    [-5, '0s'],
    [119, '119s'],
    [250, '4m10s'],
    [300, '5m'],
    [3600, '60m'],
    [3 * 3600, '3h'],
    [40 * 3600, '40h'],
    [72 * 3600, '3d'],
  ])('of %d s are written as %s', (seconds, text) => {
    expect(briefly(seconds * 1000)).toBe(text);
  });

  it('that are absent are empty', () => {
    expect([since(undefined, NOW), until('never', NOW)]).toEqual(['', '']);
  });

  it('of another day include the date', () => {
    expect(clock('2026-11-21T09:00:00Z', NOW)).toBe('09:00:00 UTC');
    expect(clock('2026-11-20T09:00:00Z', NOW)).toBe('2026-11-20 09:00:00 UTC');
  });
});
