import { missing, sameSpec } from './bucket.ts';
import type { BucketSpec } from './bucket.ts';

/** Buckets looked at to make room for one. */
const LOOKS = 8;
/** Row of the bucket that keys share which have none of their own. */
export const SHARED_ROW = 0;

// A row of numbers for each bucket, which never lies across two lines of a cache.
const STRIDE = 4;
const TOKENS = 0;
const AS_OF = 1;
/** Reservations that are not settled yet. */
const OPEN = 2;
const FIRST_ROWS = 4;

/**
 * A bucket for each key, of which there are at most maxKeys. Only a full one makes room for
 * another, which loses nothing; where none is found, new keys share one bucket. So a flood of keys
 * neither takes memory nor fills anybody's bucket. Full ones are looked for in turns (as the clock
 * algorithm of page replacement does), so that no call takes longer however many keys there are.
 * A bucket is a row of numbers rather than an object: a call finds it by one look-up and touches one
 * line of memory. Each does what Bucket does; rows are valid while something of them is reserved.
 */
export class KeyedBuckets {
  /** Rows looked at to make room, so far: at most LOOKS for each new key. */
  looks = 0;
  private spec: BucketSpec;
  private maxKeys: number;
  private readonly rows = new Map<string, number>();
  /** Key of each row; the shared one and free ones have none. */
  private readonly keys: (string | undefined)[] = [undefined];
  /** Rows that were given up because there are to be fewer keys. */
  private readonly free: number[] = [];
  private cells = new Float64Array(FIRST_ROWS * STRIDE);
  private hand = 0;

  constructor(spec: BucketSpec, maxKeys: number, now: number) {
    this.spec = spec;
    this.maxKeys = maxKeys;
    this.fill(SHARED_ROW, now);
  }

  /** Keys with a bucket of their own. */
  get size(): number {
    return this.rows.size;
  }

  /** The row of a key: its own if it has one or can have one, else the shared one. */
  of(key: string, now: number): number {
    return this.rows.get(key) ?? this.make(key, now);
  }

  /** Another rate for all. Keys beyond a lower maxKeys keep their bucket until it is full. */
  apply(spec: BucketSpec, maxKeys: number, now: number): void {
    this.maxKeys = maxKeys;
    if (sameSpec(this.spec, spec)) return;
    const { cells } = this;
    for (let row = 0; row < this.keys.length; row += 1) this.refill(row * STRIDE, now);
    this.spec = spec;
    for (let at = 0; at < this.keys.length * STRIDE; at += STRIDE) {
      cells[at + TOKENS] = Math.min(cells[at + TOKENS]!, spec.capacity);
    }
  }

  /** See Bucket.wait. */
  wait(cost: number, now: number, row: number): number {
    const reservation = Math.min(cost, this.spec.capacity);
    // Time only adds to it.
    if (this.cells[row * STRIDE + TOKENS]! >= reservation) return 0;
    return missing(this.spec, reservation - this.level(now, row));
  }

  /** See Bucket.take. */
  take(cost: number, now: number, row: number): number {
    const at = row * STRIDE;
    const reserved = Math.min(cost, this.spec.capacity);
    this.refill(at, now);
    this.cells[at + TOKENS]! -= reserved;
    this.cells[at + OPEN]! += 1;
    return reserved;
  }

  /** See Bucket.settle. */
  settle(reserved: number, used: number, now: number, row: number): void {
    const at = row * STRIDE;
    const { cells } = this;
    this.refill(at, now);
    cells[at + TOKENS] = Math.min(this.spec.capacity, cells[at + TOKENS]! + reserved - used);
    cells[at + OPEN]! -= 1;
  }

  /** See Bucket.level. */
  level(now: number, row: number): number {
    const at = row * STRIDE;
    const { amount, perMs, capacity } = this.spec;
    const elapsed = Math.max(0, now - this.cells[at + AS_OF]!);
    return Math.min(capacity, this.cells[at + TOKENS]! + (elapsed * amount) / perMs);
  }

  private refill(at: number, now: number): void {
    const { cells } = this;
    const elapsed = now - cells[at + AS_OF]!;
    if (elapsed <= 0) return;
    const { amount, perMs, capacity } = this.spec;
    cells[at + TOKENS] = Math.min(capacity, cells[at + TOKENS]! + (elapsed * amount) / perMs);
    cells[at + AS_OF] = now;
  }

  private make(key: string, now: number): number {
    const row = this.size < this.maxKeys ? (this.free.pop() ?? this.keys.length) : this.room(now);
    if (row === SHARED_ROW) return row;
    this.keys[row] = key;
    this.rows.set(key, row);
    this.fill(row, now);
    return row;
  }

  /** A row whose bucket was full and has gone; the shared one when there is none. */
  private room(now: number): number {
    for (let i = 0; i < LOOKS && i < this.size; i += 1) {
      this.looks += 1;
      this.hand = (this.hand % (this.keys.length - 1)) + 1;
      const row = this.hand;
      const key = this.keys[row];
      if (key === undefined || !this.isUnused(row, now)) continue;
      this.rows.delete(key);
      if (this.size < this.maxKeys) return row;
      this.keys[row] = undefined;
      this.free.push(row);
    }
    return SHARED_ROW;
  }

  private isUnused(row: number, now: number): boolean {
    return this.cells[row * STRIDE + OPEN] === 0 && this.level(now, row) >= this.spec.capacity;
  }

  private fill(row: number, now: number): void {
    const at = row * STRIDE;
    if (at >= this.cells.length) {
      const more = new Float64Array(this.cells.length * 2);
      more.set(this.cells);
      this.cells = more;
    }
    this.cells[at + TOKENS] = this.spec.capacity;
    this.cells[at + AS_OF] = now;
    this.cells[at + OPEN] = 0;
  }
}
