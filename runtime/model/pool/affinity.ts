import { rendezvous } from './rendezvous.ts';
import type { Weighed } from './rendezvous.ts';

/** Requests of one session profit from what the provider cached for earlier ones. */
export interface Session {
  /** A hash, because clients choose the text. */
  key: string;
  /** Lifetime of the provider's cache after its last use, in milliseconds. */
  cacheMs: number;
}

/** Lifetime of a cached prompt after its last use, in milliseconds. */
export const CACHE_LIFETIME_MS = 300_000;
/** The lifetime that a request gets with `"ttl": "1h"`. */
export const LONG_CACHE_LIFETIME_MS = 3_600_000;
/** Largest number of remembered sessions away from their own endpoint. Evicts the one that was served longest ago. */
export const MAX_SESSIONS_AWAY = 10_000;

export interface Placed extends Weighed {
  /** The lowest priority serves. */
  priority: number;
}

/**
 * Finds the endpoint with the prompt cache of a session. Rendezvous hashing gives each session an endpoint of its own
 * among those of one priority, the same in all pods. It remembers only sessions that another endpoint of that priority
 * serves: they stay there until that cache expires. Forgetting one early costs a cache and nothing else.
 */
export class Affinity {
  readonly #now: () => number;
  readonly #away = new Map<string, { name: string; until: number }>();

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Number of remembered sessions. */
  get away(): number {
    return this.#away.size;
  }

  /** The endpoint for the session among those of the lowest priority; undefined without endpoints. */
  prefer<P extends Placed>({ key }: Session, places: readonly P[]): P | undefined {
    const lowest = Math.min(...places.map(({ priority }) => priority));
    const equals = places.filter(({ priority }) => priority === lowest);
    const away = this.#away.get(key);
    const kept = away !== undefined && this.#now() < away.until ? away.name : undefined;
    return equals.find(({ name }) => name === kept) ?? rendezvous(key, equals);
  }

  /** Notes that `place` serves the session. `places` are all endpoints, available or not. */
  served({ key, cacheMs }: Session, place: Placed, places: readonly Placed[]): void {
    const equals = places.filter(({ priority }) => priority === place.priority);
    // Deletes first: the map keeps the order in which sessions were served.
    this.#away.delete(key);
    if (rendezvous(key, equals)?.name === place.name) return;
    this.#away.set(key, { name: place.name, until: this.#now() + cacheMs });
    if (this.#away.size > MAX_SESSIONS_AWAY) this.#away.delete(this.#away.keys().next().value!);
  }
}
