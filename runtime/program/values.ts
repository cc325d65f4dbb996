import type { Tier } from '../../contract/generated/program.ts';
import type { Failure } from '../errors/failure.ts';
import { TIERS, TieredCache } from '../cache/tieredCache.ts';
import type { CacheSpec, CacheStats } from '../cache/tieredCache.ts';
import { checkedParameter, invalid } from './checks.ts';
import type { LocalAnswer, LocalCall, LocalRoutes } from './localServer.ts';

export interface ValuesDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Largest size of all values, in bytes. */
  maxBytes: number;
}

/** Tiers of the program's cache where spec.cache is absent: its defaults. */
const DEFAULT_TIERS: CacheSpec = {
  hot: { maxEntries: 100, ttlMs: 300_000 },
  warm: { maxEntries: 500, ttlMs: 1_800_000 },
  cold: { maxEntries: 2000, ttlMs: 3_600_000 },
};

/** Largest key, in characters. */
const MAX_KEY = 512;
/** What a value takes besides its bytes and its key. */
const ENTRY_BYTES = 200;
/** Largest ttl, in seconds: a year. */
const MAX_TTL = 31_536_000;

const NOT_CACHED: Failure = { reason: 'NotCached', message: 'The cache has no value of this key.' };

/** The program's cache. */
export class Values {
  readonly #cache: TieredCache<Buffer>;

  constructor({ now, maxBytes }: ValuesDeps) {
    this.#cache = new TieredCache({ now, maxTierBytes: Math.ceil(maxBytes / TIERS.length) });
  }

  apply(spec: CacheSpec | undefined): void {
    this.#cache.apply(spec ?? DEFAULT_TIERS);
  }

  stats(): CacheStats {
    return this.#cache.stats();
  }

  clear(): void {
    this.#cache.clear();
  }

  routes(): LocalRoutes {
    return {
      'GET /v1/cache': { answer: () => ({ json: this.stats() }) },
      'DELETE /v1/cache': { answer: () => void this.clear() },
      'GET /v1/cache/*': { answer: ({ name }) => this.#get(name) },
      'PUT /v1/cache/*': { answer: (call, body) => this.#put(call, body) },
      'DELETE /v1/cache/*': { answer: ({ name }) => void this.#cache.delete(name) },
    };
  }

  #get(key: string): LocalAnswer {
    const hit = this.#cache.get(key);
    if (!hit) return { failure: NOT_CACHED };
    const age = String(Math.floor(hit.ageMs / 1000));
    return { bytes: hit.value, headers: { 'breakwater-cache-tier': hit.tier, age } };
  }

  #put({ name: key, query }: LocalCall, value: Buffer): LocalAnswer | undefined {
    if (key.length > MAX_KEY) return invalid(`The key has more than ${MAX_KEY} characters.`);
    const tier = checkedParameter<Tier>('Tier', query, 'tier');
    if ('failure' in tier) return tier;
    const ttl = Number(query.get('ttl') ?? MAX_TTL);
    if (!(ttl > 0 && ttl <= MAX_TTL)) {
      return invalid(`ttl: must be a number of seconds, more than 0 and at most ${MAX_TTL}.`);
    }
    const bytes = value.length + 2 * key.length + ENTRY_BYTES;
    this.#cache.put(key, value, bytes, 1000 * ttl, tier.body);
    return undefined;
  }
}
