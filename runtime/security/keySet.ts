import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey, LocalJWKSet } from 'jose';

/** No key could be had from the URL, so that no token can be checked. */
export class KeysUnavailable extends Error {}

export interface KeySetDeps {
  url: string;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  fetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
}

/** Age at which keys are fetched anew in the background, in milliseconds. */
const FRESH_MS = 5 * 60_000;
/** Age up to which keys serve while they cannot be fetched anew, in milliseconds. */
const USABLE_MS = 24 * 60 * 60_000;
/** Between two fetches, so that made-up tokens do not cause many, in milliseconds. */
const COOLDOWN_MS = 10_000;
/** Time for a fetch, in milliseconds. */
const FETCH_MS = 5000;
const MAX_BYTES = 1024 * 1024;

/**
 * The public keys of an issuer. They are fetched when first asked for, in the background when they have
 * aged, and at once when a token names a key that is not among them; while they cannot be had the last
 * ones serve on.
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

  /** Key that a token was signed with. Rejects with KeysUnavailable, or with an error of jose. */
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
    if (age > USABLE_MS) this.#keys = undefined;
    if (this.#keys === undefined) await this.#fetch();
    else if (age > FRESH_MS) void this.#fetch();
    if (this.#keys === undefined) throw new KeysUnavailable();
    return this.#keys;
  }

  /** Those who ask at the same time wait for the same fetch. It does not reject. */
  #fetch(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    const now = this.#deps.now();
    if (now - this.#triedAt < COOLDOWN_MS) return Promise.resolve();
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
    const response = await this.#deps.fetch(this.url, { signal: AbortSignal.timeout(FETCH_MS) });
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
