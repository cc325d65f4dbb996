import { LRUCache } from 'lru-cache';

/** Something kept, with when it was made on the monotonic clock and its size. */
export interface Kept<V> {
  value: V;
  madeAt: number;
  bytes: number;
  /** Age up to which it may be served, in milliseconds, however much longer the tier keeps things. */
  ttlMs: number;
}

/** How much a tier keeps and for how long, by age from when a thing was made. */
export interface TierSpec {
  maxEntries: number;
  ttlMs: number;
}

/** One tier: what was used least recently goes when it is full, and what is too old is not served. */
export class Tier<V> {
  hits = 0;
  evictions = 0;
  readonly #maxBytes: number;
  readonly #onOut: (key: string, kept: Kept<V>) => void;
  #spec: TierSpec;
  #entries: LRUCache<string, Kept<V>>;

  /** `onOut` is told of what there is no more room or time for. */
  constructor(
    spec: TierSpec,
    maxBytes: number,
    onOut: (key: string, kept: Kept<V>) => void = () => undefined,
  ) {
    this.#maxBytes = maxBytes;
    this.#onOut = onOut;
    this.#spec = spec;
    this.#entries = this.#make();
  }

  get spec(): TierSpec {
    return this.#spec;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** Keeps what it has, as far as there is room by the new figures. */
  apply(spec: TierSpec): void {
    const before = this.#entries;
    const resized = spec.maxEntries !== this.#spec.maxEntries;
    this.#spec = spec;
    if (!resized) return;
    this.#entries = this.#make();
    // The one used least recently first, so that it is the first to go.
    for (const key of before.rkeys()) {
      const kept = before.peek(key);
      if (kept !== undefined) this.#entries.set(key, kept);
    }
  }

  /** What is kept under a key and young enough. */
  get(key: string, now: number): Kept<V> | undefined {
    const kept = this.#entries.get(key);
    if (kept === undefined || this.takes(kept, now)) return kept;
    this.#entries.delete(key);
    this.#onOut(key, kept);
    return undefined;
  }

  set(key: string, kept: Kept<V>): void {
    this.#entries.set(key, kept);
  }

  /** Whether something is young enough for this tier. */
  takes({ madeAt, ttlMs }: Kept<V>, now: number): boolean {
    return now - madeAt < Math.min(this.#spec.ttlMs, ttlMs);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #make(): LRUCache<string, Kept<V>> {
    return new LRUCache<string, Kept<V>>({
      max: this.#spec.maxEntries,
      maxSize: this.#maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
      disposeAfter: (kept, key, reason) => {
        if (reason !== 'evict') return;
        this.evictions += 1;
        this.#onOut(key, kept);
      },
    });
  }
}
