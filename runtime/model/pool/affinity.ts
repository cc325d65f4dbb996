import { rendezvous } from './rendezvous.ts';
import type { Weighed } from './rendezvous.ts';

/** What requests belong together by: they profit from what the provider cached of the ones before. */
export interface Session {
  /** Of a fixed length, because clients choose what it is made from. */
  key: string;
  /** How long the provider keeps what it cached after its last use, in milliseconds. */
  cacheMs: number;
}

/** How long providers keep what they cached of a prompt after its last use, in milliseconds. */
export const CACHE_LIFETIME_MS = 300_000;
/** The same where the request asks for `"ttl": "1h"`. */
export const LONG_CACHE_LIFETIME_MS = 3_600_000;
/** Sessions away from their own endpoint that are remembered; the one that was served longest ago gives way. */
export const MAX_SESSIONS_AWAY = 10_000;

/** An endpoint that a session may be served by. */
export interface Placed extends Weighed {
  /** The lowest serves. */
  priority: number;
}

/** Whether two of them have the same priority, so that there is a choice. */
export function haveEquals(places: readonly { priority?: number }[]): boolean {
  if (places.length <= 1) return false;
  return new Set(places.map(({ priority }) => priority)).size < places.length;
}

/**
 * Which endpoint holds the prompt cache of a session. Each session has an endpoint of its own among those of one priority,
 * the same in all pods, by rendezvous hashing. Only sessions that another endpoint of that priority serves are remembered:
 * they stay there until the cache expires there. What is forgotten early costs a cache and nothing else.
 */
export class Affinity {
  readonly #now: () => number;
  readonly #away = new Map<string, { name: string; until: number }>();

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many sessions are remembered. */
  get away(): number {
    return this.#away.size;
  }

  /** Where the session is to be served, among those of the lowest priority; undefined when there are none. */
  prefer<P extends Placed>({ key }: Session, places: readonly P[]): P | undefined {
    const lowest = Math.min(...places.map(({ priority }) => priority));
    const equals = places.filter(({ priority }) => priority === lowest);
    const away = this.#away.get(key);
    const kept = away !== undefined && this.#now() < away.until ? away.name : undefined;
    return equals.find(({ name }) => name === kept) ?? rendezvous(key, equals);
  }

  /** The session is served by `place`; `places` are all that there are, whether they take calls or not. */
  served({ key, cacheMs }: Session, place: Placed, places: readonly Placed[]): void {
    const equals = places.filter(({ priority }) => priority === place.priority);
    // Taken out first, because the map is in the order in which sessions were served.
    this.#away.delete(key);
    if (rendezvous(key, equals)?.name === place.name) return;
    this.#away.set(key, { name: place.name, until: this.#now() + cacheMs });
    if (this.#away.size > MAX_SESSIONS_AWAY) this.#away.delete(this.#away.keys().next().value!);
  }
}
