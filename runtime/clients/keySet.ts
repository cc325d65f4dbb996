import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey, LocalJWKSet } from 'jose';

/** The URL gave no key, so no token can be checked. */
export class KeysUnavailable extends Error {}

export interface KeySetDeps {
  url: string;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Read at each use, so that changes take effect at once. */
  times: () => KeyTimes;
  fetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
}

/** Times of fetching and keeping keys, in milliseconds. */
export interface KeyTimes {
  /** Timeout of a fetch. */
  timeoutMs: number;
  /** Age at which the set fetches the keys again in the background. */
  refreshMs: number;
  /** Largest age of keys while fetches fail. */
  maxAgeMs: number;
  /** Shortest time between two fetches, so that forged tokens cannot cause many. */
  cooldownMs: number;
}

/** Defaults of the fields, for operators that do not send them. */
export const KEY_TIMES: KeyTimes = {
  timeoutMs: 5000,
  refreshMs: 5 * 60_000,
  maxAgeMs: 24 * 60 * 60_000,
  cooldownMs: 10_000,
};

const MAX_BYTES = 1024 * 1024;

/**
 * The public keys of an issuer. The set fetches them at first use, in the background when they have aged, and at once
 * when a token names an unknown key. While fetches fail it serves the last keys.
 */
export class KeySet {
  readonly url: string;
  readonly #deps: KeySetDeps;
  #keys: LocalJWKSet | undefined;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(deps: KeySetDeps) {
    this.#deps = deps;
    this.url = deps.url;
  }

  /** The key that signed a token. Rejects with KeysUnavailable, or with an error of jose. */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.#current();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const before = this.#fetchedAt;
      await this.#fetch();
      if (this.#fetchedAt === before) throw error;
      return this.#keys!(header, token);
    }
  };

  async #current(): Promise<LocalJWKSet> {
    const age = this.#deps.now() - this.#fetchedAt;
    const { maxAgeMs, refreshMs } = this.#deps.times();
    if (age > maxAgeMs) this.#keys = undefined;
    if (this.#keys === undefined) await this.#fetch();
    else if (age > refreshMs) void this.#fetch();
    if (this.#keys === undefined) throw new KeysUnavailable();
    return this.#keys;
  }

  /** Concurrent calls share one fetch. Never rejects. */
  #fetch(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    const now = this.#deps.now();
    if (now - this.#triedAt < this.#deps.times().cooldownMs) return Promise.resolve();
    this.#triedAt = now;
    this.#fetching = this.#read()
      .then((set) => {
        this.#keys = createLocalJWKSet(set);
        this.#fetchedAt = now;
      })
      .catch(() => undefined)
      .finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #read(): Promise<JSONWebKeySet> {
    const signal = AbortSignal.timeout(this.#deps.times().timeoutMs);
    const response = await this.#deps.fetch(this.url, { signal });
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Error('too large');
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as JSONWebKeySet;
  }
}
