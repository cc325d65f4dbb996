import { rowOf } from './rows.ts';
import type { Row } from './rows.ts';

/** A rate and a burst: `amount` tokens come per `perMs` milliseconds, up to `capacity`. */
export interface BucketSpec {
  amount: number;
  perMs: number;
  capacity: number;
}

export interface BucketPermit {
  readonly kind: 'Permit';
  /** Tokens taken. */
  readonly reserved: number;
}

export interface BucketRejection {
  readonly kind: 'Rejection';
  /** Whole milliseconds until the level covers the cost if nobody else takes any. */
  readonly retryAfterMs: number;
}

/** Less than any share of a token that matters, more than what adding fractions can be off by. */
const ROUNDING = 1e-6;

// Columns.
/** Level as of AS_OF. */
const TOKENS = 0;
const AS_OF = 1;
/** Reservations that are not settled yet. */
const OPEN = 2;
const AMOUNT = 3;
const PER_MS = 4;
const CAPACITY = 5;
/** Numbers of a bucket in a row. */
export const BUCKET_CELLS = 6;

/** Takes one token, if it is there for certain; false when it takes `wait` to see. */
export function takeOne(cells: Float64Array, at: number, now: number): boolean {
  refill(cells, at, now);
  if (cells[at + TOKENS]! < 1) return false;
  cells[at + TOKENS]! -= 1;
  cells[at + OPEN]! += 1;
  return true;
}

/** Ends a reservation of which `unused` tokens come back; fewer than 0 are owed. */
export function endReservation(cells: Float64Array, at: number, unused: number, now: number): void {
  cells[at + OPEN]! -= 1;
  if (unused === 0) return;
  refill(cells, at, now);
  cells[at + TOKENS] = Math.min(cells[at + CAPACITY]!, cells[at + TOKENS]! + unused);
}

/** Adds what has come until now. */
function refill(cells: Float64Array, at: number, now: number): void {
  const elapsed = now - cells[at + AS_OF]!;
  if (elapsed <= 0) return;
  const tokens = cells[at + TOKENS]! + (elapsed * cells[at + AMOUNT]!) / cells[at + PER_MS]!;
  const capacity = cells[at + CAPACITY]!;
  cells[at + TOKENS] = tokens < capacity ? tokens : capacity;
  cells[at + AS_OF] = now;
}

/**
 * Token bucket with continuous refill, full at first (as in Envoy's and the Anthropic API's
 * limits). It has no timer and reads no clock: `now` is milliseconds of a clock that never goes
 * back.
 */
export class Bucket {
  private readonly cells: Float64Array;
  private readonly at: number;

  constructor(spec: BucketSpec, now: number, { cells, at }: Row = rowOf(BUCKET_CELLS)) {
    this.cells = cells;
    this.at = at;
    this.spec = spec;
    cells[at + TOKENS] = spec.capacity;
    cells[at + AS_OF] = now;
  }

  /** Takes `cost` tokens if they are there. A cost above the capacity takes a full bucket. */
  acquire(cost: number, now: number): BucketPermit | BucketRejection {
    const retryAfterMs = this.wait(cost, now);
    if (retryAfterMs > 0) return { kind: 'Rejection', retryAfterMs };
    return { kind: 'Permit', reserved: this.take(cost, now) };
  }

  /** Milliseconds, rounded up, until the level covers `cost`; 0 when it does. Takes nothing. */
  wait(cost: number, now: number): number {
    const reservation = this.reservation(cost);
    // Time only adds to it.
    if (this.tokens >= reservation) return 0;
    return missing(this.spec, reservation - this.level(now));
  }

  /** Takes tokens, whether or not they are there, and answers how many. */
  take(cost: number, now: number): number {
    const reserved = this.reservation(cost);
    this.refill(now);
    this.tokens -= reserved;
    this.cells[this.at + OPEN]! += 1;
    return reserved;
  }

  /**
   * Ends a reservation: what was not used comes back, what was used beyond it is owed, so that the
   * level can be below zero. Never above the capacity.
   */
  settle(reserved: number, used: number, now: number): void {
    endReservation(this.cells, this.at, reserved - used, now);
  }

  /** Others have taken from it too: no more than `tokens` are left. It never adds any. */
  cap(tokens: number, now: number): void {
    this.refill(now);
    this.tokens = Math.min(this.tokens, tokens);
  }

  /**
   * Goes on with the level of `ageMs` ago: what came since is added, and what was taken of this one
   * already is not given back. It never adds any.
   */
  restore(level: number, ageMs: number, now: number): void {
    const { amount, perMs } = this.spec;
    const tokens = level + (Math.max(0, ageMs) * amount) / perMs;
    if (!Number.isNaN(tokens)) this.cap(tokens, now);
  }

  /** Whether it is as good as a new one: full, with nothing to settle. */
  isUnused(now: number): boolean {
    return this.cells[this.at + OPEN] === 0 && this.level(now) >= this.capacity;
  }

  /**
   * Puts another spec in force from now on. The level stays, or becomes the new capacity if that is
   * less: a reload never makes tokens. An equal spec changes nothing.
   */
  apply(spec: BucketSpec, now: number): void {
    if (sameSpec(this.spec, spec)) return;
    this.refill(now);
    this.spec = spec;
    this.tokens = Math.min(this.tokens, spec.capacity);
  }

  /** Tokens in the bucket at this time; reading it changes nothing. */
  level(now: number): number {
    const { cells, at } = this;
    const elapsed = Math.max(0, now - cells[at + AS_OF]!);
    const come = (elapsed * cells[at + AMOUNT]!) / cells[at + PER_MS]!;
    return Math.min(this.capacity, this.tokens + come);
  }

  private reservation(cost: number): number {
    return Math.min(cost, this.capacity);
  }

  private refill(now: number): void {
    refill(this.cells, this.at, now);
  }

  private get tokens(): number {
    return this.cells[this.at + TOKENS]!;
  }

  private set tokens(level: number) {
    this.cells[this.at + TOKENS] = level;
  }

  private get capacity(): number {
    return this.cells[this.at + CAPACITY]!;
  }

  private get spec(): BucketSpec {
    const { cells, at } = this;
    return {
      amount: cells[at + AMOUNT]!,
      perMs: cells[at + PER_MS]!,
      capacity: cells[at + CAPACITY]!,
    };
  }

  private set spec({ amount, perMs, capacity }: BucketSpec) {
    const { cells, at } = this;
    cells[at + AMOUNT] = amount;
    cells[at + PER_MS] = perMs;
    cells[at + CAPACITY] = capacity;
  }
}

/** Milliseconds, rounded up, until so many tokens have come; 0 when that is next to nothing. */
export function missing({ amount, perMs }: BucketSpec, tokens: number): number {
  if (tokens <= ROUNDING) return 0;
  return Math.ceil(((tokens - ROUNDING / 2) * perMs) / amount);
}

/** Whether two specs say the same. */
export function sameSpec(a: BucketSpec, b: BucketSpec): boolean {
  return a.amount === b.amount && a.perMs === b.perMs && a.capacity === b.capacity;
}
