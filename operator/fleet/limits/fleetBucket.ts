import { FLEET } from '../../../contract/link.ts';
import { Account } from './account.ts';
import type { LimitUse } from '../../../contract/generated/types.ts';
import type { SafeShares } from './safeShares.ts';

export interface FleetSpec {
  amount: number;
  perMs: number;
  capacity: number;
  /** Whether the limit counts whole calls. */
  whole: boolean;
  /** Whether a call without tokens is rejected at once. Then none are saved for it. */
  rejects: boolean;
  /** Greatest number of pods; Infinity if pods without a leader take nothing. */
  maxPods: number;
}

/** The content of a grant to a pod. */
export interface Granted {
  uid: string;
  account: Account;
  /** Greatest number of tokens for one call. */
  largest: number;
  waitMs: number;
  /** Number of the last report whose need was looked at. */
  answered: number;
}

export interface BucketFigures {
  /** Tokens that the leader may grant. */
  level: number;
  /** Upper bound of the tokens that pods hold. */
  held: number;
  /** Tokens granted in this leader's term. */
  granted: number;
  capacity: number;
  /** A pod's safe share is the limit divided by this; Infinity if pods without a leader take nothing. */
  maxPods: number;
}

/** Smaller parts of a token count as rounding errors. */
const ROUNDING = 1e-6;
/** Part of the bucket that must be left for the limit to rest. */
const RESTS_ABOVE = 0.9;
/** A bucket that takes over from another leader begins empty. For this long it tells no pod so. */
const BEGINNING_MS = FLEET.heartbeatMs;

/**
 * The leader's bucket of one limit of one agent. Tokens leave the bucket when they are granted. Bucket and blocks together
 * never hold more than the capacity without the safe shares of pods that have not lent theirs. So calls never take
 * more than capacity + rate × time. It has no timer and reads no clock: `now` is monotonic milliseconds.
 */
export class FleetBucket {
  #spec: FleetSpec;
  readonly #shares: SafeShares;
  readonly #accounts = new Map<string, Account>();
  /** Pods whose next report is the first of a session. */
  readonly #restarted = new Set<string>();
  #level: number;
  /** Another leader may have granted tokens of this limit. */
  readonly #succeeds: boolean;
  #updatedAt: number;
  /** Virtual time of start-time fair queuing: that of the pod that was served last. */
  #virtual = 0;
  #total = 0;

  /** @param level Full only if no other leader can have granted tokens of this limit */
  constructor(spec: FleetSpec, shares: SafeShares, level: 'Empty' | 'Full', now: number) {
    this.#spec = spec;
    this.#shares = shares;
    this.#succeeds = level === 'Empty';
    this.#level = level === 'Full' ? spec.capacity : 0;
    this.#updatedAt = now;
  }

  /** Replaces rate and capacity. It never adds tokens. */
  apply(spec: FleetSpec, now: number): void {
    this.refill(now);
    this.#spec = spec;
    this.refill(now);
  }

  report(uid: string, use: LimitUse, number: number, now: number): void {
    this.refill(now);
    let account = this.#accounts.get(uid);
    if (account === undefined || account.block !== use.block || this.#restarted.has(uid)) {
      account = this.#open(uid, use, now);
    }
    const waited = account.need > 0 || account.want > 0;
    const { returned, refunded } = account.report(this.#bounded(use));
    const { capacity } = this.#spec;
    this.#level += returned;
    // Without room at that time, the refund would have overflowed the bucket.
    const room = Math.max(0, capacity - Math.max(account.peak, this.#atMost(now)));
    this.#level += Math.min(refunded, room);
    account.peak = this.#atMost(now);
    account.answered = number;
    if (!waited && this.#virtual < Infinity) {
      account.virtual = Math.max(account.virtual, this.#virtual);
    }
  }

  /** Whether the limit is far from its end, so that the pods' safe shares may be enough. */
  canRest(linked: (uid: string) => boolean, now: number): boolean {
    this.refill(now);
    const isOwed = this.#asking(linked).some(([, { need, debt }]) => need + debt > ROUNDING);
    return !isOwed && !this.#begins(now) && this.#sum() >= RESTS_ABOVE * this.#most(now);
  }

  /** Hands each of these pods its safe share, as full as the bucket is. The leader must stop using those now. */
  rest(uids: readonly string[], now: number): void {
    this.refill(now);
    const { capacity, maxPods } = this.#spec;
    const most = this.#most(now);
    const full = most > 0 ? Math.min(1, this.#sum() / most) : 0;
    const level = Math.max(0, this.#level);
    const share = Math.min((full * capacity) / maxPods, level / uids.length);
    for (const uid of uids) {
      const account = this.#accounts.get(uid);
      if (account === undefined) continue;
      account.share = share;
      this.#level -= share;
    }
  }

  /** A pod begins a new session. Its next report says what it holds. */
  restart(uid: string): void {
    if (this.#accounts.has(uid)) this.#restarted.add(uid);
  }

  /** A pod is gone. Its tokens are lost, and the bucket pays its over-run. */
  remove(uid: string, now: number): void {
    this.refill(now);
    this.#level -= Math.min(this.#accounts.get(uid)?.debt ?? 0, this.#spec.capacity);
    this.#accounts.delete(uid);
    this.#restarted.delete(uid);
  }

  /** Refills the bucket up to `now`, by the leader's share of the limit. */
  refill(now: number): void {
    const { amount, perMs, maxPods } = this.#spec;
    for (const account of this.#accounts.values()) account.expire(now);
    if (now > this.#updatedAt) {
      const ms = this.#shares.lentMs(this.#updatedAt, now, maxPods);
      this.#level += (ms * amount) / perMs;
      this.#updatedAt = now;
    }
    this.#level = Math.min(this.#level, Math.max(0, this.#most(now) - this.#heldByAll()));
    const atMost = this.#atMost(now);
    for (const account of this.#accounts.values()) account.peak = Math.max(account.peak, atMost);
  }

  /**
   * Grants tokens to linked pods: first those for which calls wait, beginning with the pod that was granted least; then
   * the rest in equal parts, up to what each pod wants.
   */
  serve(linked: (uid: string) => boolean, now: number): Granted[] {
    this.refill(now);
    const asking = this.#asking(linked);
    this.#virtual = asking.reduce((least, [, { virtual }]) => Math.min(least, virtual), Infinity);
    const before = new Map(asking.map(([uid, account]) => [uid, account.granted]));
    const blocked = this.#serveNeeds(asking, now);
    if (!blocked) this.#serveWants(asking, now);
    return asking
      .filter(([uid, { granted }]) => granted > before.get(uid)!)
      .map(([uid, account]) => this.#grantOf(uid, account, now));
  }

  /**
   * A message told the pod that there are no tokens for its call. If the limit rejects such calls, the pod keeps its turn, for
   * its next call, only if the turn comes soon. Tokens that come later would be unused.
   */
  answered(uid: string, now: number): void {
    const account = this.#accounts.get(uid);
    if (!this.#spec.rejects || account === undefined || this.#begins(now)) return;
    if (this.#waitMs(account, now) <= FLEET.heartbeatMs) return;
    account.want -= account.need;
    account.need = 0;
  }

  /** The content of a message to the pod; undefined before it has reported on the limit. */
  grantFor(uid: string, now: number): Granted | undefined {
    this.refill(now);
    const account = this.#accounts.get(uid);
    if (account === undefined || this.#restarted.has(uid)) return undefined;
    return this.#grantOf(uid, account, now);
  }

  /** When the bucket can grant tokens to a waiting pod; Infinity if none waits. */
  nextAt(linked: (uid: string) => boolean, now: number): number {
    const asking = this.#asking(linked);
    if (asking.length === 0) return Infinity;
    if (now < this.#shares.startsAt) return this.#shares.startsAt;
    const kept = this.#kept();
    const needy = asking.filter(([, { need, debt }]) => need + debt > ROUNDING);
    const next = needy.length > 0 ? [needy.reduce(firstServed)] : asking;
    const cost = Math.min(...next.map(([, account]) => this.#costOf(account)));
    return now + this.#refillMs(cost + (needy.length > 0 ? 0 : kept) - this.#level, now);
  }

  figures(now: number): BucketFigures {
    this.refill(now);
    const { capacity, maxPods } = this.#spec;
    const shares = [...this.#accounts].reduce((sum, each) => sum + this.#shareOf(...each, now), 0);
    const held = this.#heldByAll() + shares;
    return { level: this.#level, held, granted: this.#total, capacity, maxPods };
  }

  /** While the bucket begins, calls go on waiting for an answer: that it is empty says nothing about the limit. */
  #grantOf(uid: string, account: Account, now: number): Granted {
    const largest = this.#most(now);
    if (this.#begins(now)) {
      const answered = account.need > 0 ? 0 : account.answered;
      return { uid, account, largest, waitMs: 0, answered };
    }
    const { answered } = account;
    return { uid, account, largest, waitMs: this.#waitMs(account, now), answered };
  }

  #begins(now: number): boolean {
    if (this.#shares.isAsking(now)) return true;
    return this.#succeeds && now < this.#shares.startsAt + BEGINNING_MS;
  }

  /** Takes the first report of a session. What the pod gives back with it was granted before, or is of its safe share. */
  #open(uid: string, use: LimitUse, now: number): Account {
    const before = this.#accounts.get(uid);
    const share = this.#shareOf(uid, before, now);
    // The leader knows how many of its own tokens the pod can hold.
    const account = new Account(use, (before?.held ?? this.#spec.capacity) + share, now);
    if (use.received === 0) {
      const known = (before?.held ?? 0) + share - use.taken - account.held;
      this.#level += Math.min(use.returned, Math.max(0, known));
    }
    account.debt += before?.debt ?? 0;
    this.#accounts.set(uid, account);
    this.#restarted.delete(uid);
    return account;
  }

  /** Upper bound of the tokens that the pod has of its safe share. */
  #shareOf(uid: string, account: Account | undefined, now: number): number {
    const { amount, perMs, capacity, maxPods } = this.#spec;
    if (maxPods === Infinity) return 0;
    const began = account?.share ?? 0;
    const refilled = (this.#shares.withheldMs(uid, now) * amount) / perMs / maxPods;
    return Math.min(capacity / maxPods, began + refilled);
  }

  #asking(linked: (uid: string) => boolean): [string, Account][] {
    return [...this.#accounts].filter(
      ([uid, { need, want, debt }]) =>
        need + want + debt > ROUNDING && linked(uid) && !this.#restarted.has(uid),
    );
  }

  /** @returns whether a call waits for tokens. Then all tokens are saved for it. */
  #serveNeeds(asking: [string, Account][], now: number): boolean {
    const turns = asking
      .map(([, account]) => account)
      .filter(({ need, debt }) => need > 0 || debt > 0)
      .sort((a, b) => a.virtual - b.virtual);
    for (const account of turns) {
      const paid = Math.min(account.debt, Math.max(0, this.#level));
      account.debt -= paid;
      account.virtual += paid;
      this.#level -= paid;
      // A fraction of a token admits no call.
      const need = this.#spec.whole ? account.need : Math.min(account.need, this.#most(now));
      if (account.debt > ROUNDING || need > this.#level + ROUNDING) return true;
      if (need > 0) this.#grant(account, need, now);
    }
    return false;
  }

  /** Max–min fair: equal parts, and the others share what one pod does not want. */
  #serveWants(asking: [string, Account][], now: number): void {
    const left = asking
      .map(([, account]) => account)
      .filter(({ want, debt }) => want > ROUNDING && debt <= ROUNDING)
      .sort((a, b) => a.want - b.want);
    // Some are kept for calls in pods without tokens. Otherwise the busiest pod would get all of a small limit.
    const kept = this.#kept();
    left.forEach((account, index) => {
      const free = Math.max(0, this.#level - kept);
      const part = Math.min(account.want, free / (left.length - index));
      const tokens = this.#spec.whole ? Math.floor(part + ROUNDING) : part;
      if (tokens > ROUNDING) this.#grant(account, tokens, now);
    });
    if (!this.#spec.whole) return;
    // The remainder goes to single calls in turn.
    for (const account of left.toSorted((a, b) => a.virtual - b.virtual)) {
      if (this.#level < kept + 1 - ROUNDING) return;
      if (account.want >= 1 - ROUNDING) this.#grant(account, 1, now);
    }
  }

  #grant(account: Account, tokens: number, now: number): void {
    account.grant(tokens, now);
    account.virtual += tokens;
    account.need = Math.max(0, account.need - tokens);
    account.want = Math.max(0, account.want - tokens);
    this.#level -= tokens;
    this.#total += tokens;
  }

  /** Bounds a report, so that a pod gains nothing by exaggerating. */
  #bounded(use: LimitUse): LimitUse {
    const { capacity, whole } = this.#spec;
    const need = Math.min(use.need, whole ? 1 : capacity);
    return { ...use, need, want: Math.min(use.want, capacity) };
  }

  /** Estimated milliseconds until the pod's turn and enough tokens. */
  #waitMs(account: Account, now: number): number {
    if (account.need + account.want + account.debt <= ROUNDING) return 0;
    let ahead = 0;
    for (const other of this.#accounts.values()) {
      if (other !== account && other.virtual < account.virtual) ahead += other.need;
    }
    return Math.max(1, this.#refillMs(this.#costOf(account) + ahead - this.#level, now));
  }

  /** Least number of tokens that is useful to the pod. */
  #costOf({ need, want, debt }: Account): number {
    const { whole } = this.#spec;
    return need > 0 || debt > 0
      ? need + debt
      : Math.min(want, whole ? 1 : this.#spec.capacity / 100);
  }

  #refillMs(tokens: number, now: number): number {
    if (tokens <= ROUNDING) return 0;
    const { amount, perMs, maxPods } = this.#spec;
    const share = this.#shares.share(now, maxPods);
    const ms = Math.ceil((tokens * perMs) / amount / Math.max(share, LEAST_SHARE));
    return Math.min(ms, MAX_WAIT_MS);
  }

  #kept(): number {
    return this.#spec.whole ? Math.min(this.#accounts.size, this.#spec.capacity / 4) : 0;
  }

  /** Most tokens that bucket and blocks may hold together. */
  #most(now: number): number {
    const { capacity, maxPods } = this.#spec;
    return capacity * this.#shares.share(now, maxPods);
  }

  #heldByAll(): number {
    let held = 0;
    for (const account of this.#accounts.values()) held += account.held;
    return held;
  }

  #sum(): number {
    return Math.max(0, this.#level) + this.#heldByAll();
  }

  /** Tokens that there may be: also those of safe shares that the leader does not have. */
  #atMost(now: number): number {
    return this.#sum() + this.#spec.capacity - this.#most(now);
  }
}

/** The one of two pods whose turn is first. */
function firstServed(a: [string, Account], b: [string, Account]): [string, Account] {
  return b[1].virtual < a[1].virtual ? b : a;
}

const LEAST_SHARE = 0.001;
const MAX_WAIT_MS = 3_600_000;
