import { createHash } from 'node:crypto';
import type { Cache } from '../../../contract/generated/types.ts';
import { TieredCache } from '../../cache/tieredCache.ts';
import type { CacheStats } from '../../cache/tieredCache.ts';
import { OK } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { SharedCall } from './sharedCall.ts';
import type { Input } from './template.ts';

export interface ToolResultsDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Largest size of all cached results, in bytes. */
  maxBytes: number;
}

/** A call of a tool that has a cache. */
export interface KeptCall {
  /** The configuration that determines what the call does. */
  what: unknown;
  /** Largest age of a reused result, in milliseconds. */
  ttlMs: number;
  input: Input;
  /** Identifies the client. */
  client: readonly string[];
  /** Hash of the secret header values of the call; empty without any. */
  credential: string;
  /** Aborts when the turn no longer needs the result. */
  signal: AbortSignal;
  /** Makes the call. Never rejects. */
  call: (signal: AbortSignal) => Promise<ToolAnswer>;
}

const TIER_COUNT = 3;

/**
 * Caches results of tools. Identical calls get the first result for a time, and concurrent ones share one call. Errors
 * are not cached.
 */
export class ToolResults {
  readonly #cache: TieredCache<string>;
  readonly #underWay = new Map<string, SharedCall>();
  #shared = false;
  #collapsed = 0;

  constructor({ now, maxBytes }: ToolResultsDeps) {
    this.#cache = new TieredCache({ now, maxTierBytes: Math.ceil(maxBytes / TIER_COUNT) });
  }

  /** Applies a configuration. A changed or removed resetToken empties the cache. */
  apply(spec: Cache | undefined): void {
    const { epoch } = this.#cache;
    this.#shared = spec?.scope === 'Shared';
    this.#cache.apply(spec);
    if (this.#cache.epoch !== epoch) this.#underWay.clear();
  }

  /** Empties the cache. Results of calls under way are not cached. */
  clear(): void {
    this.#cache.clear();
    this.#underWay.clear();
  }

  stats(): CacheStats & { collapsed: number; inFlight: number } {
    return { ...this.#cache.stats(), collapsed: this.#collapsed, inFlight: this.#underWay.size };
  }

  /** The cached result, that of the same call under way, or that of a new call. Never rejects. */
  async answer(call: KeptCall): Promise<ToolAnswer> {
    const key = keyOf(call, this.#shared);
    const hit = this.#cache.get(key);
    if (hit) return { outcome: OK, text: hit.value, isError: false, kept: true };
    const underWay = this.#underWay.get(key);
    if (!underWay || underWay.abandoned) return this.#start(key, call).join(call.signal);
    this.#collapsed += 1;
    return { ...(await underWay.join(call.signal)), kept: true };
  }

  #start(key: string, call: KeptCall): SharedCall {
    const { epoch } = this.#cache;
    const shared = new SharedCall(async (signal) => {
      const answer = await call.call(signal);
      // Does not cache images and documents: they are large and rarely requested twice.
      const good = answer.outcome.vote === 'ok' && !answer.isError && !answer.blocks;
      if (good && epoch === this.#cache.epoch) this.#keep(key, answer.text, call);
      return answer;
    });
    this.#underWay.set(key, shared);
    void shared.over().then(() => {
      if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
    });
    return shared;
  }

  #keep(key: string, text: string, { ttlMs }: KeptCall): void {
    this.#cache.put(key, text, key.length + Buffer.byteLength(text), ttlMs);
  }
}

/** Calls with the same key may share a result: the same request, by the same client unless all share. */
function keyOf(
  { what: call, ttlMs, input, client, credential }: KeptCall,
  shared: boolean,
): string {
  const what = [shared ? [] : client, call, ttlMs, credential];
  return createHash('sha256')
    .update(JSON.stringify(what))
    .update('\n')
    .update(JSON.stringify(input, sorted))
    .digest('base64url');
}

/** Sorts members, because models write them in any order. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
