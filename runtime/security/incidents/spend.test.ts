import { describe, expect, it } from '@jest/globals';
import { Spend } from './spend.ts';

const HOUR = 3_600_000;
const SPEC = { factor: 4, hours: 3, minTokens: 100, maxClients: 2 };

function spend(): Spend {
  const made = new Spend();
  made.apply(SPEC);
  return made;
}

describe('spend', () => {
  it('is unusual beyond a multiple of the client’s last hours, and again at each doubling', () => {
    const of = spend();
    for (let hour = 0; hour < 3; hour += 1) expect(of.add('a', 100, hour * HOUR)).toBe(false);
    const now = 3 * HOUR;
    expect([399, 1, 300, 100, 10].map((tokens) => of.add('a', tokens, now))).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
    // A client without any hours before has nothing to be compared with.
    expect(of.add('b', 1_000_000, now)).toBe(false);
    expect(of.add('b', 5_000_000, now + HOUR)).toBe(true);
  });

  it('is compared only with recent hours that had any', () => {
    const of = spend();
    of.add('a', 100, 0);
    expect(of.add('a', 400, 2 * HOUR)).toBe(true);
    // The first hours are too long ago.
    expect(of.add('a', 1_000_000, 100 * HOUR)).toBe(false);
  });

  it('is ignored below the least number of tokens', () => {
    const of = spend();
    of.add('a', 1, 0);
    expect(of.add('a', 99, HOUR)).toBe(false);
    expect(of.add('a', 1, HOUR)).toBe(true);
  });

  it('is known for a bounded number of clients', () => {
    const of = spend();
    of.add('a', 100, 0);
    for (const client of ['b', 'c', 'd']) of.add(client, 100, 0);
    expect(of.add('a', 1000, HOUR)).toBe(false);
  });
});
