import { Bucket } from './bucket.ts';
import type { BucketSpec, RemoteTokens } from './bucket.ts';

export interface BlockSpec extends BucketSpec {
  /** Whether calls are counted one by one, so that a part of a token admits nothing. */
  whole: boolean;
  withoutLeader: 'SafeShare' | 'Deny' | 'Allow';
  /** Largest number of pods. */
  maxPods: number;
}

/** A grant of the leader; see LimitGrant in the contract. */
export interface BlockGrant {
  granted: number;
  largest: number;
  waitMs: number;
  /** Number of the last report whose need the leader has answered. */
  answered: number;
  /** Expiry of the tokens. */
  until: number;
}

/** Sums of a session; see LimitUse in the contract. */
export interface BlockUse {
  block: number;
  carried: number;
  received: number;
  taken: number;
  returned: number;
  refunded: number;
  overrun: number;
  need: number;
  want: number;
}

/** Times that all blocks of the process share. */
export interface LeaderTimes {
  /** Until then the leader may use the safe share; -Infinity before the first leader. */
  pledgedUntil: number;
  /** From then on the process may use its safe share. */
  safeFrom: number;
  /** Whether a leader has left the safe share to the process, and grants again when it is asked. */
  rests: boolean;
  /** Whether the leader of the last Grant stops soon. */
  leaving: boolean;
  /** Numbers of the next report and of the next block. */
  nextReport: number;
  nextBlock: number;
}

interface Lot {
  tokens: number;
  /** Expiry of the tokens. */
  until: number;
}

/** Time over which demand is averaged, in milliseconds. */
const DEMAND_MS = 1000;
/** Time whose demand a block covers, in milliseconds. It is longer when the leader answers slowly or stops soon. */
const HORIZON_MS = { least: 300, most: 2000, perAnswerMs: 10 };
/** Wait for a safe share of less than one token, which never admits a call. */
const NEVER_MS = 3_600_000;
/** The leader usually answers in less time, in milliseconds. */
const ANSWER_MS = 100;
/** Less than any share of a token that matters. */
const ROUNDING = 1e-6;

/**
 * The tokens of one limit of the fleet in one process. The leader grants them in blocks, or leaves the safe share to the
 * process while that is enough. Without a leader `withoutLeader` decides. Granted tokens expire, so that a leader knows
 * how many an unreachable pod can still hold. Like Bucket it has no timer and reads no clock.
 */
export class Block implements RemoteTokens {
  #spec: BlockSpec;
  readonly #times: LeaderTimes;
  /** Asks for a report to the leader, because tokens run out. */
  readonly #ask: () => void;
  readonly #createdAt: number;
  /** Identifies it among all blocks of the process. */
  readonly number: number;
  /** Oldest first. */
  #lots: Lot[] = [];
  #balance = 0;
  #safe: Bucket | undefined;
  #session = { carried: 0, received: 0, taken: 0, returned: 0, refunded: 0, overrun: 0 };
  #largest = Infinity;
  /** The leader has no tokens before this time. */
  #dryUntil = -Infinity;
  #answered = 0;
  /** The report with the need of the first waiting call; undefined once the leader has answered it. */
  #asked: { number: number; at: number; begins?: boolean } | undefined;
  #answerMs = 0;
  /** Tokens for waiting calls: of the first one, and of all. */
  #first = 0;
  #waiting = 0;
  #demand = 0;
  #demandAt = -Infinity;
  /** Number of granted blocks. */
  blocks = 0;
  #waitedMs = 0;
  /** Milliseconds in which the safe share was in use, until `safeSince`. */
  #safeMs = 0;
  #safeSince: number | undefined;
  /** The safe share as if it were always in use, to know whether it is enough. */
  #imagined: Bucket;
  #shortAt: number;

  constructor(spec: BlockSpec, times: LeaderTimes, ask: () => void, now: number) {
    this.#createdAt = now;
    this.number = times.nextBlock;
    times.nextBlock += 1;
    this.#spec = spec;
    this.#times = times;
    this.#ask = ask;
    this.#imagined = new Bucket(this.#safeSpec(), now);
    this.#shortAt = now;
  }

  apply(spec: BlockSpec, now: number): void {
    this.#spec = spec;
    this.#safe?.apply(this.#safeSpec(), now);
    this.#imagined.apply(this.#safeSpec(), now);
  }

  wait(cost: number, now: number, ahead = 0): number {
    if (this.#isOpen(now)) return 0;
    const alone = this.#aloneShare(now);
    if (alone !== undefined) return this.#safeWait(alone, cost, now, ahead);
    if (this.level(now) >= this.bounded(cost) + ahead - ROUNDING) return 0;
    const at = now < this.#times.pledgedUntil ? this.#dryUntil : this.#times.safeFrom;
    return at > now ? Math.ceil(at - now) : ANSWER_MS;
  }

  soonest(cost: number, now: number, ahead = 0): number {
    const wait = this.wait(cost, now, ahead);
    // The leader's last answer may have been about other calls and other pods.
    return this.#isAlone(now) || now < this.#dryUntil ? wait : 0;
  }

  bounded(cost: number): number {
    const { capacity, whole } = this.#spec;
    if (whole) return cost;
    const isLed = this.#safe === undefined || this.#times.rests;
    const most = isLed ? this.#largest : this.#safeSpec().capacity;
    return Math.min(cost, capacity, most > 0 ? most : capacity);
  }

  take(cost: number, now: number): number {
    const needed = this.bounded(cost);
    if (this.#isOpen(now)) return needed;
    const taken = this.#share(now)?.take(needed, now) ?? this.#takeGranted(needed, now);
    if (this.#isLow(now)) this.#ask();
    return taken;
  }

  #takeGranted(needed: number, now: number): number {
    this.#expire(now);
    let left = needed;
    for (const lot of this.#lots) {
      const tokens = Math.min(lot.tokens, left);
      lot.tokens -= tokens;
      left -= tokens;
    }
    this.#lots = this.#lots.filter(({ tokens }) => tokens > 0);
    const taken = needed - left;
    this.#balance = Math.max(0, this.#balance - taken);
    this.#session.taken += taken;
    if (left > ROUNDING) this.#session.overrun += left;
    return needed;
  }

  settle(reserved: number, used: number, now: number): void {
    if (used === reserved || this.#isOpen(now)) return;
    const safe = this.#share(now);
    if (safe !== undefined) return safe.settle(0, used - reserved, now);
    if (used < reserved) this.#session.refunded += reserved - used;
    else this.#session.overrun += used - reserved;
    if (this.#waiting > 0) this.#ask();
  }

  /** Granted tokens that are left. */
  level(now: number): number {
    const safe = this.#share(now);
    if (safe !== undefined) return safe.level(now);
    this.#expire(now);
    return this.#balance;
  }

  /** Counts the need of a call, whether or not it gets tokens. */
  note(cost: number, now: number): void {
    const needed = this.bounded(cost);
    this.#demand = this.#demandNow(now) + needed;
    this.#demandAt = now;
    this.#imagined.settle(0, needed, now);
    if (this.#runsLow(this.#imagined.level(now), now)) this.#wasShort(now);
    if (this.#isLow(now)) this.#ask();
  }

  awaitsAnswer(_cost: number, now: number): boolean {
    if (this.#isAlone(now) || now < this.#dryUntil) return false;
    const { pledgedUntil, rests } = this.#times;
    if (rests) return true;
    return pledgedUntil === -Infinity || now < pledgedUntil;
  }

  isRefused(cost: number, now: number): boolean {
    return this.#asked === undefined && !this.awaitsAnswer(cost, now);
  }

  clearWaiting(): void {
    this.#first = 0;
    this.#waiting = 0;
  }

  waitFor(needed: number, now: number): void {
    if (this.#waiting === 0) this.#first = needed;
    this.#waiting += needed;
    // A leader that has no answer yet, because it has just begun, knows of the first call; heartbeats tell it of others.
    if (this.#asked !== undefined) return;
    this.#asked = { number: this.#times.nextReport, at: now };
    this.#ask();
  }

  /** Begins a session of a leader. The leader learns how many earlier tokens are left. */
  begin(now: number): void {
    this.#expire(now);
    const carried = this.#balance;
    this.#session = { carried, received: 0, taken: 0, returned: 0, refunded: 0, overrun: 0 };
    this.#dryUntil = -Infinity;
    this.#answered = 0;
    if (this.#asked) this.#asked = { number: this.#times.nextReport, at: now, begins: true };
  }

  /**
   * The leader uses the safe share from now on.
   *
   * @param until if a session begins: what is left of the share, and is needed, goes on as tokens of the block until then
   */
  endSafeShare(until: number | undefined, now: number): void {
    if (this.#safe === undefined) return;
    const level = this.#safe.level(now);
    this.#endSafe(now);
    this.#wasShort(now);
    this.#session.overrun += Math.max(0, -level);
    if (until === undefined || level <= 0) return;
    const kept = Math.min(level, this.#waiting + this.#ahead(now));
    this.#session.carried += level;
    this.#session.returned += level - kept;
    this.#balance += kept;
    this.#lots.push({ tokens: kept, until });
  }

  /**
   * The leader leaves the safe share to the process.
   *
   * @param tokens with which it begins, in place of the granted ones; undefined: it is in use already
   */
  useSafeShare(tokens: number | undefined, now: number): void {
    this.#asked = undefined;
    this.#dryUntil = -Infinity;
    if (tokens === undefined) {
      this.#countAlone(now);
      return;
    }
    this.#endSafe(now);
    this.#expire(now, Infinity);
    if (this.#spec.withoutLeader !== 'SafeShare') return;
    this.#safe = new Bucket(this.#safeSpec(), now);
    this.#safe.restore(tokens, 0, now);
    this.#safeSince = now;
  }

  /** The leader that left the safe share to the process does not answer. */
  leaderTimedOut(now: number): void {
    this.#asked = undefined;
    if (this.#safeSince !== undefined) this.#safeSince = now;
  }

  /** Whether the safe share is not enough, or soon will not be. */
  isShort(now: number): boolean {
    return this.#waiting > 0 || this.#runsLow(this.level(now), now);
  }

  /** Since when the safe share alone would have been enough; Infinity if it is not or may not be. */
  get enoughSince(): number {
    const isAsking = this.#waiting > 0 || this.#asked !== undefined;
    return isAsking || this.#spec.withoutLeader !== 'SafeShare' ? Infinity : this.#shortAt;
  }

  grant({ granted, largest, waitMs, answered, until }: BlockGrant, now: number): void {
    const tokens = granted - this.#session.received;
    this.#largest = largest;
    if (tokens > ROUNDING) {
      this.#session.received = granted;
      this.blocks += 1;
      this.#balance += tokens;
      this.#lots.push({ tokens, until });
      this.#expire(now);
    }
    this.#dryUntil = waitMs > 0 ? now + waitMs : -Infinity;
    if (answered <= this.#answered) return;
    this.#answered = answered;
    if (this.#asked === undefined || answered < this.#asked.number) return;
    const ms = now - this.#asked.at;
    this.#waitedMs += ms;
    // How long a leader takes to begin says nothing about how busy it is.
    if (this.#asked.begins !== true) this.#answerMs = ms;
    this.#asked = undefined;
  }

  /** Figures for a report. Gives back tokens that expire within `endingMs`, once the session's leader has granted others. */
  use(now: number, endingMs: number): BlockUse {
    this.#expire(now, this.#session.received > 0 ? now + endingMs : now);
    const level = this.level(now);
    const need = Math.max(0, this.#first - level);
    const want = Math.max(need, this.#waiting + this.#ahead(now) - level);
    return { block: this.number, ...this.#session, need, want };
  }

  /** Used part of the safe share, 0 to 1; 0 while it is not in use. The leader knows of granted tokens. */
  shareUsed(now: number): number {
    const safe = this.#share(now);
    return safe === undefined ? 0 : 1 - safe.level(now) / this.#safeSpec().capacity;
  }

  /** Seconds in which calls waited for an answer of the leader. */
  get waitSeconds(): number {
    return this.#waitedMs / 1000;
  }

  /** Seconds in which the safe share was in use. */
  safeSeconds(now: number): number {
    this.#share(now);
    return (this.#safeMs + this.#aloneMs(now)) / 1000;
  }

  /** Tokens that calls need until another block can arrive, by their recent demand. */
  #ahead(now: number): number {
    const tokens = this.#demandNow(now) * (this.#horizonMs() / DEMAND_MS);
    return this.#spec.whole ? Math.round(tokens) : tokens;
  }

  #horizonMs(): number {
    const { least, most, perAnswerMs } = HORIZON_MS;
    if (this.#times.leaving) return most;
    return Math.min(most, Math.max(least, this.#answerMs * perAnswerMs));
  }

  #isLow(now: number): boolean {
    return now >= this.#dryUntil && this.#runsLow(this.level(now), now);
  }

  #runsLow(level: number, now: number): boolean {
    return level < Math.max(this.#ahead(now) / 2, -ROUNDING);
  }

  #wasShort(now: number): void {
    this.#shortAt = now;
    this.#imagined = new Bucket(this.#safeSpec(), now);
  }

  #demandNow(now: number): number {
    return this.#demand * Math.exp((this.#demandAt - now) / DEMAND_MS);
  }

  /** Whether every call is admitted. */
  #isOpen(now: number): boolean {
    const { pledgedUntil, safeFrom, rests } = this.#times;
    if (this.#spec.withoutLeader !== 'Allow' || rests || this.level(now) > 0) return false;
    return now >= (pledgedUntil === -Infinity ? safeFrom : pledgedUntil);
  }

  /** The bucket of the safe share, while it is in use. It begins empty. */
  #share(now: number): Bucket | undefined {
    if (now < this.#times.safeFrom || this.#spec.withoutLeader !== 'SafeShare') return undefined;
    if (this.#safe === undefined) {
      this.#expire(now, Infinity);
      const since = Math.max(this.#times.safeFrom, this.#createdAt);
      this.#safe = new Bucket(this.#safeSpec(), since);
      this.#safe.restore(0, 0, since);
      this.#safeSince = since;
    }
    return this.#safe;
  }

  /** The bucket of the safe share, while it is in use because there is no leader. */
  #aloneShare(now: number): Bucket | undefined {
    return this.#times.rests ? undefined : this.#share(now);
  }

  #isAlone(now: number): boolean {
    return this.#aloneShare(now) !== undefined;
  }

  #aloneMs(now: number): number {
    if (this.#safeSince === undefined || this.#times.rests) return 0;
    return Math.max(0, now - this.#safeSince);
  }

  #countAlone(now: number): void {
    this.#share(now);
    this.#safeMs += this.#aloneMs(now);
    if (this.#safeSince !== undefined) this.#safeSince = now;
  }

  #endSafe(now: number): void {
    this.#safeMs += this.#aloneMs(now);
    this.#safeSince = undefined;
    this.#safe = undefined;
  }

  #safeSpec(): BucketSpec {
    const { amount, perMs, capacity, maxPods } = this.#spec;
    return { amount, perMs: perMs * maxPods, capacity: capacity / maxPods };
  }

  #safeWait(safe: Bucket, cost: number, now: number, ahead: number): number {
    const { capacity } = this.#safeSpec();
    const needed = this.bounded(cost) + ahead;
    if (this.#spec.whole && capacity < 1) return NEVER_MS;
    return safe.wait(Math.min(needed, capacity), now, Math.max(0, needed - capacity));
  }

  /** Gives back tokens that expire by `by`. */
  #expire(now: number, by = now): void {
    if (this.#lots.length === 0 || this.#lots[0]!.until > by) return;
    const [ended, kept] = [
      this.#lots.filter(({ until }) => until <= by),
      this.#lots.filter(({ until }) => until > by),
    ];
    this.#lots = kept;
    this.#session.returned += ended.reduce((sum, { tokens }) => sum + tokens, 0);
    this.#balance = kept.reduce((sum, { tokens }) => sum + tokens, 0);
  }
}
