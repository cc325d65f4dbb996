import { LRUCache } from 'lru-cache';

/** A cached value, the monotonic time of its making and its size. */
export interface Kept<V> {
  value: V;
  madeAt: number;
  bytes: number;
  /** Largest age in milliseconds, even if the tier allows more. */
  ttlMs: number;
}

/** Size and largest age of a tier's values. Age counts from when a value was made. */
export interface TierSpec {
  maxEntries: number;
  ttlMs: number;
}

/** One tier. Evicts the least recently used value when it is full, and serves none that is too old. */
export class Tier<V> {
  hits = 0;
  evictions = 0;
  readonly #maxBytes: number;
  readonly #onOut: (key: string, kept: Kept<V>) => void;
  #spec: TierSpec;
  #entries: LRUCache<string, Kept<V>>;

  /** `onOut` gets each value that is evicted or too old. */
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

  /** Applies other figures. Keeps the values that fit them. */
  apply(spec: TierSpec): void {
    const before = this.#entries;
    const resized = spec.maxEntries !== this.#spec.maxEntries;
    this.#spec = spec;
    if (!resized) return;
    this.#entries = this.#make();
    // Least recently used first, so that the order stays.
    for (const key of before.rkeys()) {
      const kept = before.peek(key);
      if (kept !== undefined) this.#entries.set(key, kept);
    }
  }

  /** The value of a key if it is young enough. */
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

  /** Whether a value is young enough for this tier. */
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
