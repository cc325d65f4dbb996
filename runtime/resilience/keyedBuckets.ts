import { Bucket } from './bucket.ts';
import type { BucketSpec } from './bucket.ts';

/** Buckets looked at to make room for one. */
const LOOKS = 8;

/**
 * A bucket for each key, of which there are at most maxKeys. Only a full one makes room for
 * another, which loses nothing; where none is found, new keys share one bucket. So a flood of keys
 * neither takes memory nor fills anybody's bucket. Full ones are looked for in turns (as the clock
 * algorithm of page replacement does), so that no call takes longer however many keys there are.
 */
export class KeyedBuckets {
  private spec: BucketSpec;
  private maxKeys: number;
  private readonly buckets = new Map<string, Bucket>();
  private readonly keys: string[] = [];
  private hand = 0;
  private shared: Bucket;

  constructor(spec: BucketSpec, maxKeys: number, now: number) {
    this.spec = spec;
    this.maxKeys = maxKeys;
    this.shared = new Bucket(spec, now);
  }

  /** Keys with a bucket of their own. */
  get size(): number {
    return this.keys.length;
  }

  /** The bucket of a key: its own if it has one or can have one, else the shared one. */
  of(key: string, now: number): Bucket {
    return this.buckets.get(key) ?? this.make(key, now);
  }

  /** Another rate for all. Keys beyond a lower maxKeys keep their bucket until it is full. */
  apply(spec: BucketSpec, maxKeys: number, now: number): void {
    this.spec = spec;
    this.maxKeys = maxKeys;
    this.shared.apply(spec, now);
    for (const bucket of this.buckets.values()) bucket.apply(spec, now);
  }

  private make(key: string, now: number): Bucket {
    const slot = this.keys.length < this.maxKeys ? this.keys.length : this.room(now);
    if (slot === undefined) return this.shared;
    const bucket = new Bucket(this.spec, now);
    this.keys[slot] = key;
    this.buckets.set(key, bucket);
    return bucket;
  }

  /** A slot whose bucket was full and has gone. */
  private room(now: number): number | undefined {
    for (let i = 0; i < LOOKS && i < this.keys.length; i += 1) {
      this.hand = (this.hand + 1) % this.keys.length;
      const key = this.keys[this.hand]!;
      if (!this.buckets.get(key)!.isUnused(now)) continue;
      this.buckets.delete(key);
      if (this.keys.length <= this.maxKeys) return this.hand;
      this.keys[this.hand] = this.keys.at(-1)!;
      this.keys.pop();
    }
    return undefined;
  }
}
