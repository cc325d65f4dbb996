import { Bucket } from './bucket.ts';
import type { BucketSpec } from './bucket.ts';

/** Buckets that `of` examines to make room for a new key. */
const EXAMINED = 8;

/** A bucket that can make room for another key while it is unused. */
interface KeyedBucket<Spec> {
  isUnused(now: number): boolean;
  apply(spec: Spec, now: number): void;
}

interface Entry<B> {
  key: string;
  bucket: B;
}

type MakeBucket<B, Spec> = (spec: Spec, now: number, key: string | undefined) => B;

/** Makes buckets of this process. */
export const ownBucket: MakeBucket<Bucket, BucketSpec> = (spec, now) => new Bucket(spec, now);

/**
 * One bucket for each key, for at most `maxKeys` keys. Only an unused bucket makes room for a new
 * key, which loses nothing. Keys without room share one bucket, so a flood of keys neither grows
 * memory nor refills the bucket of another key. The search for room examines a few buckets at a time
 * in turn (the clock algorithm of page replacement), so no call takes longer with more keys.
 */
export class KeyedBuckets<
  B extends KeyedBucket<Spec> = Bucket,
  Spec extends BucketSpec = BucketSpec,
> {
  readonly shared: B;
  #spec: Spec;
  #maxKeys: number;
  readonly #make: MakeBucket<B, Spec>;
  readonly #buckets = new Map<string, B>();
  /** The same buckets in the order in which the search examines them. */
  readonly #entries: Entry<B>[] = [];
  #hand = 0;

  /** `make` makes the bucket of a key; for undefined, the one that keys without room share. */
  constructor(spec: Spec, maxKeys: number, now: number, make: MakeBucket<B, Spec>) {
    this.#spec = spec;
    this.#maxKeys = maxKeys;
    this.#make = make;
    this.shared = make(spec, now, undefined);
  }

  /** Keys with a bucket of their own. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of a key: its own if it has one or there is room for one, else the shared one. */
  of(key: string, now: number): B {
    return this.#buckets.get(key) ?? this.#add(key, now);
  }

  /** Replaces the spec of all. Keys beyond a lower `maxKeys` keep their bucket until it is unused. */
  apply(spec: Spec, maxKeys: number, now: number): void {
    this.#spec = spec;
    this.#maxKeys = maxKeys;
    this.shared.apply(spec, now);
    for (const { bucket } of this.#entries) bucket.apply(spec, now);
  }

  #add(key: string, now: number): B {
    if (this.size >= this.#maxKeys) this.#makeRoom(now);
    if (this.size >= this.#maxKeys) return this.shared;
    const bucket = this.#make(this.#spec, now, key);
    this.#buckets.set(key, bucket);
    this.#entries.push({ key, bucket });
    return bucket;
  }

  #makeRoom(now: number): void {
    const examined = Math.min(EXAMINED, this.size);
    for (let i = 0; i < examined && this.size >= this.#maxKeys; i += 1) {
      this.#hand = this.#hand < this.#entries.length ? this.#hand : 0;
      const { key, bucket } = this.#entries[this.#hand]!;
      if (bucket.isUnused(now)) this.#remove(key);
      else this.#hand += 1;
    }
  }

  /** Removes the entry at the hand; the last entry takes its place. */
  #remove(key: string): void {
    this.#buckets.delete(key);
    const last = this.#entries.pop()!;
    if (this.#hand < this.#entries.length) this.#entries[this.#hand] = last;
  }
}
