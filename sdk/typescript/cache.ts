import { createHash } from 'node:crypto';
import type { CacheStats, Tier } from '../../contract/generated/program.ts';
import { secondsOf, type Duration } from './duration.ts';
import { BreakwaterError } from './errors.ts';
import type { LocalApi } from './localApi.ts';

export interface PutOptions {
  /** Largest age. Default: that of the tiers. */
  ttl?: Duration;
  /** Where the value starts. Default: warm. */
  tier?: Tier;
}

export interface CachedOptions extends PutOptions {
  /** Name of the function in keys. Default: its own. */
  name?: string;
}

/** The program's cache in the runtime of its pod. Values are JSON. A null is a value; undefined is none. */
export class Cache {
  readonly #api: LocalApi;
  readonly #warn: (text: string) => void;

  constructor(api: LocalApi, warn: (text: string) => void) {
    this.#api = api;
    this.#warn = warn;
  }

  /** The value, or undefined if it is not there. */
  async get<T = unknown>(key: string): Promise<T | undefined> {
    try {
      return await this.#api.json<T>(pathOf(key), { method: 'GET' });
    } catch (error) {
      if (error instanceof BreakwaterError && error.reason === 'NotCached') return undefined;
      throw error;
    }
  }

  async put(key: string, value: unknown, { ttl, tier }: PutOptions = {}): Promise<void> {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined)
      throw new TypeError(`cache.put(${key}): undefined and functions are no JSON`);
    const seconds = ttl === undefined ? undefined : secondsOf(ttl);
    const body = new TextEncoder().encode(text);
    await this.#api.send(pathOf(key), { method: 'PUT', body, query: { ttl: seconds, tier } });
  }

  async delete(key: string): Promise<void> {
    await this.#api.send(pathOf(key), { method: 'DELETE' });
  }

  async clear(): Promise<void> {
    await this.#api.send('/v1/cache', { method: 'DELETE' });
  }

  stats(): Promise<CacheStats> {
    return this.#api.json<CacheStats>('/v1/cache', { method: 'GET' });
  }

  /** A function that remembers its results by its arguments. Without a cache it calls `work` each time. */
  cached<A extends unknown[], R>(
    options: CachedOptions,
    work: (...args: A) => R | Promise<R>,
  ): (...args: A) => Promise<R> {
    const name = options.name ?? work.name;
    if (name === '')
      throw new TypeError(
        "cached: the function has no name. Add one: cached({ name: 'lookup' }, …)",
      );
    if (options.ttl !== undefined) secondsOf(options.ttl);
    const cached = async (...args: A): Promise<R> => {
      const key = keyOf(name, args);
      const known = await this.#quietly(() => this.get<R>(key));
      if (known !== undefined) return known;
      const result = await work(...args);
      if (result !== undefined) await this.#quietly(() => this.put(key, result, options));
      return result;
    };
    Object.defineProperty(cached, 'name', { value: name });
    return cached;
  }

  async #quietly<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (!this.#api.present) return undefined;
    try {
      return await ask();
    } catch (error) {
      this.#warn(`the cache was not used: ${String(error)}`);
      return undefined;
    }
  }
}

const pathOf = (key: string): string => `/v1/cache/${encodeURIComponent(key)}`;

/** The same for equal arguments, as far as JSON tells. */
export function keyOf(name: string, args: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(args)).digest('hex');
  return `${name.slice(0, 256)}:${hash}`;
}
