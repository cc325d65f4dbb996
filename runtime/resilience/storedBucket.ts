import { Bucket } from './bucket.ts';
import type { BucketSpec, RemoteTokens } from './bucket.ts';

export interface StoredSpec extends BucketSpec {
  /** Behaviour while the store is down. */
  withoutLeader: 'SafeShare' | 'Deny' | 'Allow';
  /** Largest number of pods. */
  maxPods: number;
  /** Whether calls are counted one by one, so that a part of a token admits nothing. */
  whole: boolean;
  /** Whether calls pass without asking and are charged afterwards, because the limit never rejects. */
  shadow: boolean;
}

/** Request of a process for one bucket in the store. */
export interface StoredAsk {
  /** Tokens to charge first; negative: to give back. */
  owed: number;
  /** Costs of waiting calls, in their order. The store grants the first ones, as far as its level covers them. */
  costs: readonly number[];
}

export interface StoredAnswer {
  /** Sum of the granted costs. */
  granted: number;
  /** Tokens left. */
  level: number;
}

/** State of the store, for all buckets in it. */
export interface StoreState {
  /** Start of the outage; undefined while the store answers. */
  readonly downSince: number | undefined;
  /** Time of the next attempt during an outage. */
  readonly retryAt: number;
  /** Asks for an exchange with the store. */
  ask(bucket: StoredBucket): void;
}

/** Time for which a known level is trusted, in milliseconds: other pods take tokens and give them back. */
const TRUST_MS = 1000;
/** The store usually answers in less time, in milliseconds. */
const ANSWER_MS = 100;
/** Wait for a safe share of less than one token, which never admits a call. */
const NEVER_MS = 3_600_000;
/** Less than any share of a token that matters. */
const ROUNDING = 1e-6;

/**
 * This process's part of one bucket in a store that all pods share: the tokens that the store has granted to waiting
 * calls, and the tokens that the process owes. During an outage `withoutLeader` decides. When the store is back, the
 * process is charged what its safe share admitted. Like Bucket it has no timer and reads no clock.
 */
export class StoredBucket implements RemoteTokens {
  /** Name of the bucket in the store. */
  readonly id: string;
  #spec: StoredSpec;
  readonly #store: StoreState;
  /** Admits waiting calls that the tokens cover. */
  readonly wake: (now: number) => void;
  /** Granted tokens that no call has taken yet. */
  #balance = 0;
  #costs: number[] = [];
  #asked = false;
  #owed = 0;
  /** Part of `owed` in the exchange under way. */
  #sent = 0;
  /** Last known level of the store's bucket. */
  #known: { level: number; at: number } | undefined;
  /** Number of open reservations, and those of their tokens that came from no bucket. */
  #unsettled = 0;
  #free = 0;
  /** Bucket of the safe share, and the start of its outage. */
  #safe: { bucket: Bucket; since: number } | undefined;

  constructor(
    id: string,
    spec: StoredSpec,
    { store, wake }: { store: StoreState; wake: (now: number) => void },
  ) {
    this.id = id;
    this.#spec = spec;
    this.#store = store;
    this.wake = wake;
  }

  /** The spec, for the store. */
  get figures(): BucketSpec {
    return this.#spec;
  }

  apply(spec: StoredSpec, now: number): void {
    const { amount, perMs, capacity } = this.#spec;
    const same = amount === spec.amount && perMs === spec.perMs && capacity === spec.capacity;
    this.#spec = spec;
    if (!same) this.#known = undefined;
    this.#safe?.bucket.apply(this.#share(), now);
  }

  /** Whether the process can forget the bucket without losing anything. */
  isUnused(): boolean {
    return (
      this.#costs.length === 0 &&
      !this.#asked &&
      this.#balance === 0 &&
      this.#owed === 0 &&
      this.#unsettled === 0 &&
      (this.#safe === undefined || this.#safe.since !== this.#store.downSince)
    );
  }

  wait(cost: number, now: number, ahead = 0): number {
    const needed = this.bounded(cost) + ahead;
    if (this.#spec.shadow) return this.#refillTime(needed - this.level(now));
    if (this.#balance >= needed - ROUNDING) return 0;
    if (this.#store.downSince !== undefined) return this.#waitWithout(cost, now, ahead);
    const wait = this.#refillTime(Math.min(needed, this.#spec.capacity) - this.level(now));
    return wait > 0 ? wait : ANSWER_MS;
  }

  soonest(cost: number, now: number, ahead = 0): number {
    return this.awaitsAnswer(cost, now) ? 0 : this.wait(cost, now, ahead);
  }

  bounded(cost: number): number {
    const isShared =
      this.#store.downSince !== undefined && this.#spec.withoutLeader === 'SafeShare';
    const { capacity } = isShared && !this.#spec.whole ? this.#share() : this.#spec;
    return Math.min(cost, capacity);
  }

  take(cost: number, now: number): number {
    const needed = this.bounded(cost);
    this.#unsettled += 1;
    const held = Math.min(this.#balance, needed);
    this.#balance -= held;
    const missing = needed - held;
    if (missing <= ROUNDING) return needed;
    if (this.#store.downSince !== undefined && !this.#spec.shadow) {
      if (this.#spec.withoutLeader === 'Allow') {
        this.#free += missing;
        return needed;
      }
      this.#safeBucket()?.take(missing, now);
    }
    this.#charge(missing);
    return needed;
  }

  settle(reserved: number, used: number, now: number): void {
    this.#unsettled -= 1;
    const free = Math.min(this.#free, reserved);
    this.#free -= free;
    if (used === reserved || free > 0) return;
    if (this.#store.downSince !== undefined) this.#safeBucket()?.settle(0, used - reserved, now);
    this.#known = undefined;
    this.#charge(used - reserved);
  }

  /** Known tokens; those of the safe share while it is in use. */
  level(now: number): number {
    if (this.#spec.shadow) return this.lastLevel(now) - Math.max(0, this.#owed);
    if (this.#store.downSince !== undefined) return this.#safeBucket()?.level(now) ?? 0;
    const isTrusted = this.#known !== undefined && now - this.#known.at < TRUST_MS;
    return isTrusted ? this.lastLevel(now) : this.#spec.capacity;
  }

  /** Last known level plus the refill since; full if none is known. */
  lastLevel(now: number): number {
    const { amount, perMs, capacity } = this.#spec;
    if (this.#known === undefined) return capacity;
    const { level, at } = this.#known;
    return Math.min(capacity, level + ((now - at) * amount) / perMs);
  }

  awaitsAnswer(cost: number, now: number): boolean {
    if (this.#store.downSince !== undefined || this.#spec.shadow) return false;
    return this.#asked || this.level(now) >= this.bounded(cost) - ROUNDING;
  }

  isRefused(cost: number, now: number): boolean {
    return !this.awaitsAnswer(cost, now);
  }

  clearWaiting(): void {
    this.#costs = [];
  }

  waitFor(needed: number, now: number): void {
    this.#costs.push(needed);
    if (!this.#asked && this.awaitsAnswer(this.#costs[0]!, now)) this.#store.ask(this);
  }

  /** Begins an exchange; undefined if there is nothing to exchange or one is under way. */
  begin(): StoredAsk | undefined {
    if (this.#asked || (this.#costs.length === 0 && this.#owed === 0)) return undefined;
    this.#asked = true;
    this.#sent = this.#owed;
    return { owed: this.#owed, costs: this.#costs };
  }

  /** Applies the answer. The caller then wakes the waiting calls and calls `end`. */
  answer({ granted, level }: StoredAnswer, now: number): void {
    this.#asked = false;
    this.#owed -= this.#sent;
    this.#sent = 0;
    this.#balance += granted;
    this.#known = { level, at: now };
  }

  /** Notes that the store did not answer. It may have run the request, so nothing is given back again. */
  fail(): void {
    this.#asked = false;
    if (this.#sent < 0) this.#owed -= this.#sent;
    this.#sent = 0;
  }

  /** Ends an exchange: gives back unused tokens, and begins the next exchange if calls have asked meanwhile. */
  end(now: number): void {
    const left = this.#balance;
    this.#balance = 0;
    if (left > ROUNDING) this.#owed -= left;
    const [first] = this.#costs;
    const isWanted = first !== undefined && this.awaitsAnswer(first, now);
    if (isWanted || this.#owed !== 0) this.#store.ask(this);
  }

  /** Returns tokens of calls that wait no longer. */
  giveBack(tokens: number): void {
    if (tokens > 0) this.#charge(-tokens);
  }

  #charge(tokens: number): void {
    this.#owed += tokens;
    this.#store.ask(this);
  }

  #waitWithout(cost: number, now: number, ahead: number): number {
    const { withoutLeader, whole } = this.#spec;
    if (withoutLeader === 'Allow') return 0;
    const safe = this.#safeBucket();
    if (safe === undefined) return Math.max(1, Math.ceil(this.#store.retryAt - now));
    const { capacity } = this.#share();
    const needed = this.bounded(cost) + ahead;
    if (whole && capacity < 1) return NEVER_MS;
    return safe.wait(Math.min(needed, capacity), now, Math.max(0, needed - capacity));
  }

  /** Bucket of the safe share during an outage. It is empty at the start of the outage. */
  #safeBucket(): Bucket | undefined {
    const since = this.#store.downSince;
    if (since === undefined || this.#spec.withoutLeader !== 'SafeShare') return undefined;
    if (this.#safe?.since !== since) {
      const bucket = new Bucket(this.#share(), since);
      bucket.restore(0, 0, since);
      this.#safe = { bucket, since };
    }
    return this.#safe.bucket;
  }

  #share(): BucketSpec {
    const { amount, perMs, capacity, maxPods } = this.#spec;
    return { amount, perMs: perMs * maxPods, capacity: capacity / maxPods };
  }

  #refillTime(missing: number): number {
    const { amount, perMs } = this.#spec;
    return missing <= ROUNDING ? 0 : Math.ceil((missing * perMs) / amount);
  }
}
