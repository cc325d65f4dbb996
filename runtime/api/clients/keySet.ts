import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey, LocalJWKSet } from 'jose';

/** No key could be had from the URL, so that no token can be checked. */
export class KeysUnavailable extends Error {}

export interface KeySetDeps {
  url: string;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Asked each time, so that changes are live. */
  times: () => KeyTimes;
  fetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
}

/** How keys are had and kept; all in milliseconds. */
export interface KeyTimes {
  /** Time for a fetch. */
  timeoutMs: number;
  /** Age at which keys are fetched anew in the background. */
  refreshMs: number;
  /** Age up to which keys serve while they cannot be fetched anew. */
  maxAgeMs: number;
  /** Between two fetches, so that made-up tokens do not cause many. */
  cooldownMs: number;
}

/** What the fields of an AgentDeployment default to, for an operator that does not know them. */
export const KEY_TIMES: KeyTimes = {
  timeoutMs: 5000,
  refreshMs: 5 * 60_000,
  maxAgeMs: 24 * 60 * 60_000,
  cooldownMs: 10_000,
};

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
    const { maxAgeMs, refreshMs } = this.#deps.times();
    if (age > maxAgeMs) this.#keys = undefined;
    if (this.#keys === undefined) await this.#fetch();
    else if (age > refreshMs) void this.#fetch();
    if (this.#keys === undefined) throw new KeysUnavailable();
    return this.#keys;
  }

  /** Those who ask at the same time wait for the same fetch. It does not reject. */
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
