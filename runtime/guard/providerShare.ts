/** Last statement of the provider to this pod. Times are on the guard's clock. */
export interface OwnStatement {
  limit: number;
  remaining: number;
  at: number;
  resetAt: number;
  /** Admission of the call whose answer states it. Tokens taken since then may be missing in it. */
  since: number;
}

/** Share of a limit that the leader gives this pod. */
export interface GivenShare {
  amount: number;
  perMs: number;
  lifetimeMs: number;
  /** `count` of the share that the leader knows, and its `taken` when the leader set `amount`. Absent: it knows none. */
  count?: number;
  taken?: number;
}

/** Least time between two entries of the history of `taken`, and their largest number. */
const ENTRY_MS = 250;
const MAX_ENTRIES = 64;
/** Longest time between two shares of a leader: a refused call can try again after it. */
const RECONSIDERED_MS = 1000;
/** Without a leader, a call needs only this part of the pod's part of the limit to start. It takes the rest on credit. */
const CALL_PART = 4;

let counts = 0;

/**
 * This pod's share of one limit of a provider that other pods with the same credential use, too. The leader sets it.
 * Without a leader the share begins when little is left: it is one of `maxPods` equal parts of the rest and of the refill.
 * It always counts what calls take, because a leader subtracts what pods took after a statement.
 */
export class ProviderShare {
  /** Identifies this share among all of the process. */
  readonly count = (counts += 1);
  /** Sums of the tokens that calls took and asked for. */
  taken = 0;
  asked = 0;
  /** Largest need of a refused call since the last report. */
  need = 0;
  own: OwnStatement | undefined;
  readonly #onNeed: () => void;
  #isScarce = false;
  #level = 0;
  #at = -Infinity;
  #perMs = 0;
  /** End of the leader's share. */
  #until = -Infinity;
  #safe = { amount: 0, perMs: 0, call: 0 };
  readonly #entries: { at: number; taken: number }[] = [];

  /** `onNeed` asks for a report to the leader. */
  constructor(onNeed: () => void) {
    this.#onNeed = onNeed;
  }

  /** Whether the leader sets the share at this time. */
  isLed(now: number): boolean {
    return now < this.#until;
  }

  /** Applies a statement that little is left. Without a leader it never raises the level. */
  state(
    { limit, remaining, perMs }: { limit: number; remaining: number; perMs: number },
    maxPods: number,
    now: number,
  ): void {
    this.#advance(now);
    this.#safe = {
      amount: remaining / maxPods,
      perMs: perMs / maxPods,
      call: limit / maxPods / CALL_PART,
    };
    if (this.isLed(now)) return;
    this.#level = this.#isScarce ? Math.min(this.#level, this.#safe.amount) : this.#safe.amount;
    this.#at = now;
    this.#isScarce = true;
    this.#onNeed();
  }

  /** Ends the share: enough is left for all. */
  end(): void {
    this.#isScarce = false;
    this.#until = -Infinity;
    this.need = 0;
  }

  /** Applies a share of the leader, unless it is for another `count`. */
  give({ amount, perMs, lifetimeMs, count, taken }: GivenShare, now: number): void {
    const isForThis = count === undefined ? !this.isLed(now) : count === this.count;
    if (!isForThis) return;
    this.#level = amount - (this.taken - (taken ?? this.taken));
    this.#at = now;
    this.#perMs = perMs;
    this.#until = now + lifetimeMs;
    this.#isScarce = true;
  }

  /** Wait of a call with this need; 0 if the share covers it. */
  waitMs(tokens: number, now: number): number {
    this.#advance(now);
    if (this.isLed(now)) {
      if (this.#level >= tokens) return 0;
      return Math.min(RECONSIDERED_MS, Math.ceil((tokens - this.#level) / this.#perMs));
    }
    const needed = Math.min(tokens, this.#safe.call);
    return this.#level >= needed ? 0 : Math.ceil((needed - this.#level) / this.#safe.perMs);
  }

  /** Counts a call. It takes its tokens if it is admitted. */
  ask(tokens: number, admitted: boolean, now: number): void {
    this.asked += tokens;
    if (admitted) this.take(tokens, now);
    else this.need = Math.max(this.need, tokens);
    if (this.#isScarce && (!admitted || !this.isLed(now))) this.#onNeed();
  }

  /** Takes tokens; a negative number gives them back. */
  take(tokens: number, now: number): void {
    this.#advance(now);
    this.#level -= tokens;
    this.taken += tokens;
    if (now < (this.#entries.at(-1)?.at ?? -Infinity) + ENTRY_MS) return;
    this.#entries.push({ at: now, taken: this.taken });
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
  }

  /** Tokens that the pod may take now. */
  held(now: number): number {
    this.#advance(now);
    return this.#level;
  }

  /** `taken` at that time, or a little less. */
  takenAt(time: number): number {
    return this.#entries.findLast(({ at }) => at <= time)?.taken ?? 0;
  }

  #advance(now: number): void {
    if (now <= this.#at) return;
    if (this.#at < this.#until) {
      this.#level += (Math.min(now, this.#until) - this.#at) * this.#perMs;
      // The next leader expects no more than this.
      if (now >= this.#until) this.#level = Math.min(this.#level, this.#safe.amount);
    }
    this.#level += Math.max(0, now - Math.max(this.#at, this.#until)) * this.#safe.perMs;
    this.#at = now;
  }
}
