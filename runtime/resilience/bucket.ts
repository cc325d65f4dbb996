/** `amount` tokens come per `perMs` milliseconds, up to `capacity`. */
export interface BucketSpec {
  amount: number;
  perMs: number;
  capacity: number;
}

/** Source of the tokens of a limit: a bucket in this process, or tokens that another process gives. */
export interface Tokens {
  /**
   * Whole milliseconds until the level covers `cost` if other calls take `ahead` tokens before and no
   * more; 0 if it does now.
   */
  wait(cost: number, now: number, ahead?: number): number;
  /** The same at best. */
  soonest(cost: number, now: number, ahead?: number): number;
  /** Tokens that a call of this cost takes. */
  bounded(cost: number): number;
  /** Takes tokens, whether or not they are there, and returns how many. */
  take(cost: number, now: number): number;
  /** Ends a reservation: unused tokens come back, over-run is taken. */
  settle(reserved: number, used: number, now: number): void;
  /** Tokens at this time. Changes nothing. */
  level(now: number): number;
}

/** Tokens that another process gives: the leader of the fleet, or a store. A call without tokens waits for its answer. */
export interface RemoteTokens extends Tokens {
  /** Whether a call of this cost waits for an answer if it finds no tokens. */
  awaitsAnswer(cost: number, now: number): boolean;
  /** Whether the answer has come and has no tokens for this cost. */
  isRefused(cost: number, now: number): boolean;
  /** Forgets the needs of waiting calls; `waitFor` adds them again. */
  clearWaiting(): void;
  /** Adds the need of a waiting call. */
  waitFor(needed: number, now: number): void;
}

/** Less than any share of a token that matters, more than the rounding errors of many additions. */
const ROUNDING = 1e-6;

/**
 * Token bucket with continuous refill, full at first (as in Envoy and the limits of the Anthropic
 * API). It has no timer and reads no clock: `now` is milliseconds of a clock that never goes back.
 */
export class Bucket implements Tokens {
  #spec: BucketSpec;
  /** Level at `updatedAt`. */
  #tokens: number;
  #updatedAt: number;
  /** Reservations that are not settled yet, and their tokens. */
  #unsettled = 0;
  #reserved = 0;

  constructor(spec: BucketSpec, now: number) {
    this.#spec = spec;
    this.#tokens = spec.capacity;
    this.#updatedAt = now;
  }

  /**
   * Whole milliseconds until the level covers `cost` if other calls take `ahead` tokens before and no
   * more; 0 if it does now.
   */
  wait(cost: number, now: number, ahead = 0): number {
    const needed = this.bounded(cost) + ahead;
    // Time only adds tokens.
    return this.#tokens >= needed ? 0 : this.#refillTime(needed - this.level(now));
  }

  /** The same if all tokens that are reserved came back now. */
  soonest(cost: number, now: number, ahead = 0): number {
    const { capacity } = this.#spec;
    const most = Math.min(capacity, this.level(now) + this.#reserved);
    return this.#refillTime(this.bounded(cost) + ahead - most);
  }

  /** Tokens that a call of this cost takes: at most a full bucket. */
  bounded(cost: number): number {
    return Math.min(cost, this.#spec.capacity);
  }

  /**
   * Takes tokens, whether or not they are there, and returns how many. A cost above the capacity
   * takes a full bucket, so every call can eventually be admitted.
   */
  take(cost: number, now: number): number {
    const reserved = this.bounded(cost);
    this.#refill(now);
    this.#tokens -= reserved;
    this.#reserved += reserved;
    this.#unsettled += 1;
    return reserved;
  }

  /** Ends a reservation: unused tokens come back, over-run is taken, also below zero. */
  settle(reserved: number, used: number, now: number): void {
    this.#unsettled -= 1;
    this.#reserved -= reserved;
    if (used === reserved) return;
    this.#refill(now);
    this.#tokens = Math.min(this.#spec.capacity, this.#tokens + reserved - used);
  }

  /** Lowers the level to `tokens` if it is above. */
  #cap(tokens: number, now: number): void {
    this.#refill(now);
    this.#tokens = Math.min(this.#tokens, tokens);
  }

  /**
   * Continues with the level of `ageMs` ago and the refill since. The level never rises: tokens
   * taken from this bucket in the meantime stay taken.
   */
  restore(level: number, ageMs: number, now: number): void {
    const { amount, perMs } = this.#spec;
    const tokens = level + (Math.max(0, ageMs) * amount) / perMs;
    if (!Number.isNaN(tokens)) this.#cap(tokens, now);
  }

  /** Whether the bucket is like a new one: full, with nothing to settle. */
  isUnused(now: number): boolean {
    return this.#unsettled === 0 && this.level(now) >= this.#spec.capacity;
  }

  /**
   * Replaces the spec. The level becomes at most the new capacity: a reload never adds tokens. An
   * equal spec changes nothing.
   */
  apply(spec: BucketSpec, now: number): void {
    if (sameSpec(this.#spec, spec)) return;
    this.#refill(now);
    this.#spec = spec;
    this.#tokens = Math.min(this.#tokens, spec.capacity);
  }

  /** Tokens in the bucket at this time. Changes nothing. */
  level(now: number): number {
    const { amount, perMs, capacity } = this.#spec;
    const elapsed = Math.max(0, now - this.#updatedAt);
    return Math.min(capacity, this.#tokens + (elapsed * amount) / perMs);
  }

  #refillTime(missing: number): number {
    const { amount, perMs } = this.#spec;
    return missing <= ROUNDING ? 0 : Math.ceil(((missing - ROUNDING / 2) * perMs) / amount);
  }

  #refill(now: number): void {
    if (now <= this.#updatedAt) return;
    this.#tokens = this.level(now);
    this.#updatedAt = now;
  }
}

function sameSpec(a: BucketSpec, b: BucketSpec): boolean {
  return a.amount === b.amount && a.perMs === b.perMs && a.capacity === b.capacity;
}
