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

/**
 * Token bucket with continuous refill, full at first (as in Envoy's and the Anthropic API's
 * limits). It has no timer and reads no clock: `now` is milliseconds of a clock that never goes
 * back.
 */
export class Bucket {
  private spec: BucketSpec;
  private tokens: number;
  private asOf: number;
  /** Reservations that are not settled yet. */
  private open = 0;

  constructor(spec: BucketSpec, now: number) {
    this.spec = spec;
    this.tokens = spec.capacity;
    this.asOf = now;
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
    this.open += 1;
    return reserved;
  }

  /**
   * Ends a reservation: what was not used comes back, what was used beyond it is owed, so that the
   * level can be below zero. Never above the capacity.
   */
  settle(reserved: number, used: number, now: number): void {
    this.refill(now);
    this.tokens = Math.min(this.spec.capacity, this.tokens + reserved - used);
    this.open -= 1;
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
    return this.open === 0 && this.level(now) >= this.spec.capacity;
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
    const { amount, perMs, capacity } = this.spec;
    const elapsed = Math.max(0, now - this.asOf);
    return Math.min(capacity, this.tokens + (elapsed * amount) / perMs);
  }

  private reservation(cost: number): number {
    return Math.min(cost, this.spec.capacity);
  }

  private refill(now: number): void {
    const elapsed = now - this.asOf;
    if (elapsed <= 0) return;
    const { amount, perMs, capacity } = this.spec;
    const tokens = this.tokens + (elapsed * amount) / perMs;
    this.tokens = tokens < capacity ? tokens : capacity;
    this.asOf = now;
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
