import { describe, expect, it } from '@jest/globals';
import { parseDuration, parsePositiveDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['1ms', 1],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['00010s', 10_000],
    ['1s1s', 2000],
    ['99999h', 359_996_400_000],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text, 'field')).toBe(milliseconds);
  });

  it.each(['', '10', '1.5s', '-1s', '1d', '1 s', '100000s', '1h1h1h1h1h', 's', '10S'])(
    'refuses %j and says what to write',
    (text) => {
      expect(() => parseDuration(text, 'spec.openDuration')).toThrow(
        `spec.openDuration is ${JSON.stringify(text)}; write numbers with the units h, m, s or ms`,
      );
    },
  );

  it('refuses zero where the duration must be positive', () => {
    expect(() => parsePositiveDuration('0s', 'spec.openDuration')).toThrow(
      'spec.openDuration is 0s; it must be longer than 0s',
    );
  });
});
