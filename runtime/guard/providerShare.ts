/** What a provider has stated to this pod itself, on the guard's clock. */
export interface OwnStatement {
  limit: number;
  remaining: number;
  at: number;
  resetAt: number;
  /** When the call was admitted whose answer states it. What was taken since then may not be in it. */
  since: number;
}

/** What the leader gives this pod of a limit. */
export interface GivenShare {
  amount: number;
  perMs: number;
  lifetimeMs: number;
  /** Names what the leader has heard counted, and the count from which the amount is. Absent: it has heard none. */
  count?: number;
  taken?: number;
}

/** Time between two entries of what was taken, and how many there are at most. */
const ENTRY_MS = 250;
const MAX_ENTRIES = 64;
/** A leader gives shares anew at least this often, so that a refused call may come back then. */
const RECONSIDERED_MS = 1000;
/** Without a leader one call takes at most this part of what a pod may have of the whole limit, and the rest later. */
const CALL_PART = 4;

let counts = 0;

/**
 * What this pod may take of one limit of a provider, beside other pods with the same credential. The leader gives it.
 * Without a leader it is one of `maxPods` equal parts of what was left when little was left, and of what comes back.
 * It counts at all times, because a leader subtracts what was taken since a statement.
 */
export class ProviderShare {
  /** Names what is counted here. */
  readonly count = (counts += 1);
  /** What calls took, and what they asked for. */
  taken = 0;
  asked = 0;
  /** Most that a refused call needed since the leader was told. */
  need = 0;
  /** The last one. */
  own: OwnStatement | undefined;
  private readonly onNeed: () => void;
  private isScarce = false;
  private level = 0;
  private at = -Infinity;
  private perMs = 0;
  /** Until when the share of the leader is valid. */
  private until = -Infinity;
  private safe = { amount: 0, perMs: 0, call: 0 };
  private readonly entries: { at: number; taken: number }[] = [];

  /** `onNeed`: the leader has to hear of it. */
  constructor(onNeed: () => void) {
    this.onNeed = onNeed;
  }

  /** Whether the share is the leader's. */
  isLed(now: number): boolean {
    return now < this.until;
  }

  /** Little is left of the limit. A statement makes the share of a pod without a leader no fuller. */
  state(
    { limit, remaining, perMs }: { limit: number; remaining: number; perMs: number },
    maxPods: number,
    now: number,
  ): void {
    this.advance(now);
    this.safe = {
      amount: remaining / maxPods,
      perMs: perMs / maxPods,
      call: limit / maxPods / CALL_PART,
    };
    if (this.isLed(now)) return;
    this.level = this.isScarce ? Math.min(this.level, this.safe.amount) : this.safe.amount;
    this.at = now;
    this.isScarce = true;
    this.onNeed();
  }

  /** Enough is left for all. */
  rest(): void {
    this.isScarce = false;
    this.until = -Infinity;
    this.need = 0;
  }

  /** Takes a share of the leader, unless that is for something else than what is counted here. */
  give({ amount, perMs, lifetimeMs, count, taken }: GivenShare, now: number): void {
    const isForThis = count === undefined ? !this.isLed(now) : count === this.count;
    if (!isForThis) return;
    this.level = amount - (this.taken - (taken ?? this.taken));
    this.at = now;
    this.perMs = perMs;
    this.until = now + lifetimeMs;
    this.isScarce = true;
  }

  /** How long a call waits that needs so much; 0 if it may go. */
  waitMs(tokens: number, now: number): number {
    this.advance(now);
    if (this.isLed(now)) {
      if (this.level >= tokens) return 0;
      return Math.min(RECONSIDERED_MS, Math.ceil((tokens - this.level) / this.perMs));
    }
    const needed = Math.min(tokens, this.safe.call);
    return this.level >= needed ? 0 : Math.ceil((needed - this.level) / this.safe.perMs);
  }

  /** A call asks for tokens, and takes them if it is admitted. */
  ask(tokens: number, admitted: boolean, now: number): void {
    this.asked += tokens;
    if (admitted) this.take(tokens, now);
    else this.need = Math.max(this.need, tokens);
    if (this.isScarce && (!admitted || !this.isLed(now))) this.onNeed();
  }

  /** Takes tokens, or gives them back. */
  take(tokens: number, now: number): void {
    this.advance(now);
    this.level -= tokens;
    this.taken += tokens;
    if (now < (this.entries.at(-1)?.at ?? -Infinity) + ENTRY_MS) return;
    this.entries.push({ at: now, taken: this.taken });
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
  }

  /** What the pod may take now. */
  held(now: number): number {
    this.advance(now);
    return this.level;
  }

  /** What had been taken by then, or a little less. */
  takenAt(time: number): number {
    return this.entries.findLast(({ at }) => at <= time)?.taken ?? 0;
  }

  private advance(now: number): void {
    if (now <= this.at) return;
    if (this.at < this.until) {
      this.level += (Math.min(now, this.until) - this.at) * this.perMs;
      // Whoever leads next counts on no more.
      if (now >= this.until) this.level = Math.min(this.level, this.safe.amount);
    }
    this.level += Math.max(0, now - Math.max(this.at, this.until)) * this.safe.perMs;
    this.at = now;
  }
}
