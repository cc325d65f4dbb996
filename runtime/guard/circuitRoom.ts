/** State of one model. */
interface Tenant {
  /** When a call last asked for it. */
  readonly usedAt: number;
  /** Whether a call was ever served. */
  readonly succeeded: boolean;
  /** Calls admitted and not yet settled. */
  readonly inFlight: number;
  /** Whether nothing is lost if a new state replaces it. */
  isClean(now: number): boolean;
}

/** Circuits of endpoints in a pod. */
export const MAX_CIRCUITS = 64;

/**
 * Bounds the number of states for single models, because clients choose the names of models. Each
 * endpoint keeps one place for all other models. A full room evicts the least recently used state of a model that never
 * succeeded, whatever its circuit says; without one, the least recently used clean state.
 */
export class CircuitRoom {
  #endpoints = 0;
  readonly #evictions = new Map<Tenant, () => void>();

  /** Sets the number of endpoints, and evicts clean states beyond the new capacity. */
  apply(endpoints: number, now: number): void {
    this.#endpoints = endpoints;
    while (this.#evictions.size > this.#capacity && this.#evictOne(now));
  }

  /** Whether there is room for one more, after an eviction if need be. */
  claim(now: number): boolean {
    return this.#evictions.size < this.#capacity || (this.#isAtCapacity && this.#evictOne(now));
  }

  /** `evict` removes the state from where it is used. */
  add(state: Tenant, evict: () => void): void {
    this.#evictions.set(state, evict);
  }

  remove(state: Tenant): void {
    this.#evictions.delete(state);
  }

  get #capacity(): number {
    return Math.max(0, MAX_CIRCUITS - this.#endpoints);
  }

  get #isAtCapacity(): boolean {
    return this.#capacity > 0 && this.#evictions.size === this.#capacity;
  }

  #evictOne(now: number): boolean {
    const states = [...this.#evictions.keys()];
    const idle = states.filter(({ inFlight, succeeded }) => inFlight === 0 && !succeeded);
    const oldest = leastRecent(idle) ?? leastRecent(states.filter((each) => each.isClean(now)));
    if (oldest === undefined) return false;
    this.#evictions.get(oldest)!();
    this.#evictions.delete(oldest);
    return true;
  }
}

function leastRecent(states: readonly Tenant[]): Tenant | undefined {
  return states.reduce<Tenant | undefined>(
    (oldest, each) => (oldest === undefined || each.usedAt < oldest.usedAt ? each : oldest),
    undefined,
  );
}
