import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { rendezvous } from './rendezvous.ts';
import type { Weighed } from './rendezvous.ts';

const choices = fc
  .array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 })
  .map((weights) => weights.map((weight, i): Weighed => ({ name: `e${i}`, weight })));

const keys = (count: number, salt: string): string[] =>
  Array.from({ length: count }, (_, i) => `${salt} ${i}`);

const ownerOf = (key: string, list: readonly Weighed[]): string => rendezvous(key, list)!.name;

describe('rendezvous', () => {
  it('gives each choice its share of the weights over many keys', () => {
    const count = 4000;
    fc.assert(
      fc.property(choices, fc.string(), (list, salt) => {
        const seen = new Map<string, number>();
        for (const key of keys(count, salt)) {
          const name = ownerOf(key, list);
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }
        const sum = list.reduce((all, { weight }) => all + weight, 0);
        for (const { name, weight } of list) {
          const share = weight / sum;
          const deviation = Math.sqrt(count * share * (1 - share));
          // Beyond 6 standard deviations once in 500 million.
          expect(Math.abs((seen.get(name) ?? 0) - count * share)).toBeLessThan(6 * deviation);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('moves only the keys of a removed choice, which return with it', () => {
    fc.assert(
      fc.property(choices, fc.nat(), fc.string(), (list, at, salt) => {
        const lost = list[at % list.length]!;
        const left = list.filter((choice) => choice !== lost);
        for (const key of keys(50, salt)) {
          const before = ownerOf(key, list);
          const after = ownerOf(key, left);
          if (before === lost.name) expect(after).not.toBe(lost.name);
          else expect(after).toBe(before);
        }
      }),
    );
  });

  it('moves keys only to a choice whose weight grows', () => {
    fc.assert(
      fc.property(choices, fc.nat(), fc.string(), (list, at, salt) => {
        const { name: grown } = list[at % list.length]!;
        const heavier = list.map(({ name, weight }) => {
          return { name, weight: name === grown ? weight * 2 : weight };
        });
        for (const key of keys(50, salt)) {
          const before = ownerOf(key, list);
          expect([before, grown]).toContain(ownerOf(key, heavier));
        }
      }),
    );
  });

  it('does not depend on the order of the choices', () => {
    fc.assert(
      fc.property(choices, fc.string(), (list, key) => {
        expect(ownerOf(key, list.toReversed())).toBe(ownerOf(key, list));
      }),
    );
  });

  it('is undefined without choices', () => {
    expect(rendezvous('key', [])).toBeUndefined();
  });
});
