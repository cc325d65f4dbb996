import { Tier } from './tier.ts';
import type { Kept, TierSpec } from './tier.ts';

export const TIERS = ['hot', 'warm', 'cold'] as const;

export type TierName = (typeof TIERS)[number];

export type CacheSpec = Record<TierName, TierSpec> & { resetToken?: string };

/** A value found, with its tier and its age in milliseconds. */
export interface Hit<V> {
  tier: TierName;
  value: V;
  ageMs: number;
}

export interface TierStats {
  entries: number;
  maxEntries: number;
  bytes: number;
  ttlMs: number;
  hits: number;
  /** Look-ups that asked the tier in vain. */
  misses: number;
  evictions: number;
}

export interface CacheStats {
  hits: number;
  misses: number;
  /** Share of look-ups that hit; 0 before the first. */
  hitRatio: number;
  clears: number;
  tiers: Record<TierName, TierStats>;
}

export interface TieredCacheDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Largest size of one tier, in bytes. */
  maxTierBytes: number;
}

const OFF: CacheSpec = {
  hot: { maxEntries: 1, ttlMs: 1 },
  warm: { maxEntries: 1, ttlMs: 1 },
  cold: { maxEntries: 1, ttlMs: 1 },
};

/**
 * Three tiers. A new value starts in warm, a hit copies it one tier up, and what leaves warm goes to cold. Age counts
 * from when the value was put in, in every tier.
 */
export class TieredCache<V> {
  readonly #now: () => number;
  readonly #tiers: Record<TierName, Tier<V>>;
  #spec: CacheSpec | undefined;
  #epoch = 0;
  #misses = 0;

  constructor({ now, maxTierBytes }: TieredCacheDeps) {
    this.#now = now;
    const cold = new Tier<V>(OFF.cold, maxTierBytes);
    const toCold = (key: string, kept: Kept<V>): void => {
      if (cold.takes(kept, now())) cold.set(key, kept);
    };
    this.#tiers = {
      hot: new Tier<V>(OFF.hot, maxTierBytes),
      warm: new Tier<V>(OFF.warm, maxTierBytes, toCold),
      cold,
    };
  }

  /** Grows whenever the cache is emptied. A value requested in an earlier epoch must not be put in. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Applies figures and keeps the values. Without figures, or with another resetToken, it empties the cache. */
  apply(spec: CacheSpec | undefined): void {
    const before = this.#spec;
    this.#spec = spec;
    if (before !== undefined && before.resetToken !== spec?.resetToken) this.clear();
    else if (before !== undefined && spec === undefined) this.clear();
    // Cold first, because warm evicts into it.
    for (const name of TIERS.toReversed()) this.#tiers[name].apply((spec ?? OFF)[name]);
  }

  /** The value of the first key that has one. */
  get(...keys: string[]): Hit<V> | undefined {
    for (const key of keys) {
      const hit = this.#find(key);
      if (hit) return hit;
    }
    this.#misses += 1;
    return undefined;
  }

  #find(key: string): Hit<V> | undefined {
    const now = this.#now();
    for (const tier of TIERS) {
      const kept = this.#tiers[tier].get(key, now);
      if (kept === undefined) continue;
      this.#tiers[tier].hits += 1;
      this.#copyUp(tier, key, kept, now);
      return { tier, value: kept.value, ageMs: now - kept.madeAt };
    }
    return undefined;
  }

  /** `ttlMs` lowers the largest age that the tiers allow. The value starts in `tier`. */
  put(key: string, value: V, bytes: number, ttlMs = Infinity, tier: TierName = 'warm'): void {
    if (!this.#spec) return;
    // An older value may be there.
    this.delete(key);
    this.#tiers[tier].set(key, { value, bytes, ttlMs, madeAt: this.#now() });
  }

  delete(key: string): void {
    for (const name of TIERS) this.#tiers[name].delete(key);
  }

  clear(): void {
    this.#epoch += 1;
    for (const name of TIERS) this.#tiers[name].clear();
  }

  stats(): CacheStats {
    const tiers: Partial<Record<TierName, TierStats>> = {};
    let hits = 0;
    // What misses a tier is found in a later one, or in none.
    let misses = this.#misses;
    for (const name of TIERS.toReversed()) {
      tiers[name] = this.#statsOf(name, misses);
      hits += tiers[name].hits;
      misses += tiers[name].hits;
    }
    const all = hits + this.#misses;
    const hitRatio = all === 0 ? 0 : hits / all;
    return {
      hits,
      misses: this.#misses,
      hitRatio,
      clears: this.#epoch,
      tiers: tiers as CacheStats['tiers'],
    };
  }

  #copyUp(from: TierName, key: string, kept: Kept<V>, now: number): void {
    const up = UP[from] && this.#tiers[UP[from]];
    if (up?.takes(kept, now)) up.set(key, kept);
  }

  #statsOf(name: TierName, misses: number): TierStats {
    const { size: entries, bytes, hits, evictions, spec } = this.#tiers[name];
    return { entries, ...spec, bytes, hits, misses, evictions };
  }
}

const UP: Partial<Record<TierName, TierName>> = { warm: 'hot', cold: 'warm' };
