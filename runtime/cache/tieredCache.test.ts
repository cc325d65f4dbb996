import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { TIERS, TieredCache } from './tieredCache.ts';
import type { CacheSpec } from './tieredCache.ts';

const SPEC: CacheSpec = {
  hot: { maxEntries: 1, ttlMs: 300 },
  warm: { maxEntries: 2, ttlMs: 1800 },
  cold: { maxEntries: 2, ttlMs: 3600 },
};

class Fixture {
  time = 0;
  readonly cache = new TieredCache<string>({ now: () => this.time, maxTierBytes: 1000 });

  constructor(spec: CacheSpec | undefined = SPEC) {
    this.cache.apply(spec);
  }

  put(...keys: string[]): void {
    for (const key of keys) this.cache.put(key, `value of ${key}`, 10);
  }

  /** Tier that serves, and the age. */
  get(key: string): [string, number] | undefined {
    const hit = this.cache.get(key);
    return hit && [hit.tier, hit.ageMs];
  }

  sizes(): number[] {
    const { tiers } = this.cache.stats();
    return TIERS.map((name) => tiers[name].entries);
  }
}

describe('the tiers of a cache', () => {
  it('serve from warm first, and from hot from the second time', () => {
    const fixture = new Fixture();
    fixture.put('a');
    fixture.time = 100;
    expect([fixture.get('a'), fixture.get('a')]).toEqual([
      ['warm', 100],
      ['hot', 100],
    ]);
    expect(fixture.cache.get('a')?.value).toBe('value of a');
  });

  it('serve from cold entries that warm has evicted, and move them back to warm', () => {
    const fixture = new Fixture();
    fixture.put('a', 'b', 'c');
    expect(fixture.sizes()).toEqual([0, 2, 1]);
    expect([fixture.get('a'), fixture.get('a'), fixture.get('a')]).toEqual([
      ['cold', 0],
      ['warm', 0],
      ['hot', 0],
    ]);
  });

  it('count the age of an entry from its addition, in any tier', () => {
    const fixture = new Fixture();
    fixture.put('a');
    fixture.get('a');
    const served: unknown[] = [];
    for (fixture.time of [299, 300, 1799, 1800, 3599, 3600]) served.push(fixture.get('a'));
    expect(served).toEqual([
      ['hot', 299],
      ['warm', 300],
      ['warm', 1799],
      ['cold', 1800],
      ['cold', 3599],
      undefined,
    ]);
  });

  it('serve no entry beyond its age', () => {
    const fixture = new Fixture();
    fixture.cache.put('a', 'x', 10, 1000);
    fixture.get('a');
    const served: unknown[] = [];
    for (fixture.time of [299, 999, 1000]) served.push(fixture.get('a'));
    expect(served).toEqual([['hot', 299], ['warm', 999], undefined]);
    expect(fixture.sizes()).toEqual([0, 0, 0]);
  });

  it('serve the latest value of a key', () => {
    const fixture = new Fixture();
    fixture.put('a');
    fixture.get('a');
    fixture.time = 100;
    fixture.put('a');
    expect(fixture.get('a')).toEqual(['warm', 0]);
  });

  it('evict the least recently used entry', () => {
    const fixture = new Fixture();
    fixture.put('a', 'b');
    fixture.get('a');
    fixture.put('c', 'd', 'e');
    expect(fixture.get('b')).toBeUndefined();
    expect(fixture.get('a')).toEqual(['hot', 0]);
  });

  it('keep no more bytes than allowed', () => {
    const fixture = new Fixture();
    fixture.cache.put('large', 'x', 1001);
    expect(fixture.get('large')).toBeUndefined();
    fixture.cache.put('a', 'x', 600);
    fixture.cache.put('b', 'x', 600);
    const { warm, cold } = fixture.cache.stats().tiers;
    expect([warm.bytes, cold.bytes, warm.evictions]).toEqual([600, 600, 1]);
  });

  it('keep their entries when their bounds change', () => {
    const fixture = new Fixture();
    fixture.put('a', 'b');
    fixture.cache.apply({ ...SPEC, warm: { maxEntries: 1, ttlMs: 50 } });
    expect(fixture.sizes()).toEqual([0, 1, 1]);
    fixture.time = 50;
    expect([fixture.get('a'), fixture.get('b')]).toEqual([
      ['cold', 50],
      ['cold', 50],
    ]);
  });

  it.each([
    ['another resetToken', { ...SPEC, resetToken: 'two' }],
    ['a resetToken that is gone', SPEC],
    ['being switched off', undefined],
  ])('are emptied by %s, once', (_, spec) => {
    const fixture = new Fixture({ ...SPEC, resetToken: 'one' });
    fixture.put('a');
    fixture.cache.apply(spec);
    expect([fixture.get('a'), fixture.cache.epoch]).toEqual([undefined, 1]);
    fixture.cache.apply(spec);
    expect(fixture.cache.epoch).toBe(1);
  });

  it('keep nothing before they have bounds', () => {
    const cache = new TieredCache<string>({ now: () => 0, maxTierBytes: 1000 });
    cache.put('a', 'x', 1);
    expect(cache.get('a')).toBeUndefined();
  });

  it('count hits by tier, misses and clears', () => {
    const fixture = new Fixture();
    fixture.put('a');
    for (const key of ['a', 'a', 'a', 'b']) fixture.get(key);
    fixture.cache.clear();
    const { hits, misses, hitRatio, clears, tiers } = fixture.cache.stats();
    expect({ hits, misses, hitRatio, clears }).toEqual({
      hits: 3,
      misses: 1,
      hitRatio: 0.75,
      clears: 1,
    });
    expect(TIERS.map((name) => tiers[name].hits)).toEqual([2, 1, 0]);
    expect(TIERS.map((name) => tiers[name].misses)).toEqual([2, 1, 1]);
  });

  it('never serve an entry that is too old, cleared or replaced', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), key }),
      fc.record({ kind: fc.constant('get' as const), key }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ kind: fc.constant('clear' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new Fixture();
        const latest = new Map<string, number>();
        for (const each of steps) {
          if (each.kind === 'wait') fixture.time += each.ms;
          if (each.kind === 'clear') {
            fixture.cache.clear();
            latest.clear();
          }
          if (each.kind === 'put') {
            fixture.put(each.key);
            latest.set(each.key, fixture.time);
          }
          if (each.kind !== 'get') continue;
          const hit = fixture.cache.get(each.key);
          if (!hit) continue;
          expect(fixture.time - hit.ageMs).toBe(latest.get(each.key));
          expect(hit.ageMs).toBeLessThan(SPEC[hit.tier].ttlMs);
          for (const name of TIERS) {
            const { entries, maxEntries } = fixture.cache.stats().tiers[name];
            expect(entries).toBeLessThanOrEqual(maxEntries);
          }
        }
      }),
    );
  });
});
