import { FLEET } from '../../../contract/link.ts';
import type { LimitUse } from '../../../contract/generated/types.ts';

interface Lot {
  tokens: number;
  /** The pod cannot use the tokens after this time. */
  until: number;
}

/** Tokens that a report returns to the bucket. */
export interface Moved {
  /** Unused tokens of the pod's block. */
  returned: number;
  /** Tokens of calls that used less than they took. */
  refunded: number;
}

/** Granted tokens count as held for this time. */
const HELD_MS = FLEET.blockMs + FLEET.toleranceMs;

/** The tokens of one limit that one pod holds, as the leader counts them: at least as many as it has. */
export class Account {
  /** Number of the block, which reports and grants name. */
  readonly block: number;
  /** Tokens granted in the session. */
  granted: number;
  /** Tokens that calls used beyond their grant and that are not paid for yet. */
  debt = 0;
  need = 0;
  want = 0;
  /** Tokens with which the pod's safe share began when the leader left it to the pod; 0 while it has not. */
  share = 0;
  /** Number of the last handled report. */
  answered = 0;
  /** Virtual time of start-time fair queuing: tokens granted while other pods waited. */
  virtual = 0;
  /** Most tokens that there may have been together since the last report. */
  peak = 0;
  /** Oldest first. */
  #lots: Lot[] = [];
  /** Tokens that left the lots. */
  #gone: number;
  /** Refunded tokens so far. */
  #credited = 0;
  readonly #seen: Pick<LimitUse, 'returned' | 'refunded' | 'overrun'>;

  /** @param most upper bound of the tokens that the pod can hold, whatever it reports */
  constructor(use: LimitUse, most: number, now: number) {
    const { block, carried, received, taken, returned, refunded, overrun } = use;
    this.block = block;
    this.granted = received;
    this.#gone = taken + returned;
    // In a running session, an earlier account of the pod has counted the over-run.
    this.#seen = { returned, refunded, overrun: received > 0 ? overrun : 0 };
    const held = Math.min(most, carried + received - taken - returned);
    if (held > 0) this.#lots.push({ tokens: held, until: now + HELD_MS });
    this.#overran(overrun);
  }

  get held(): number {
    return this.#lots.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  grant(tokens: number, now: number): void {
    this.granted += tokens;
    this.#lots.push({ tokens, until: now + HELD_MS });
  }

  /** Takes a report. Figures that decrease are ignored: honest pods only count up. */
  report({ taken, returned, refunded, overrun, need, want }: LimitUse): Moved {
    this.need = need;
    this.want = Math.max(need, want);
    const left = this.#remove(taken + returned - this.#gone);
    const moved = {
      returned: Math.min(left, Math.max(0, returned - this.#seen.returned)),
      // Calls cannot return more than the pod received.
      refunded: Math.max(0, Math.min(refunded - this.#seen.refunded, this.#gone - this.#credited)),
    };
    this.#seen.returned = Math.max(this.#seen.returned, returned);
    this.#seen.refunded = Math.max(this.#seen.refunded, refunded);
    this.#credited += moved.refunded;
    this.#overran(overrun);
    const paid = Math.min(this.debt, moved.refunded);
    this.debt -= paid;
    moved.refunded -= paid;
    return moved;
  }

  /** Removes expired tokens, which the pod no longer uses. */
  expire(now: number): void {
    while (this.#lots.length > 0 && this.#lots[0]!.until <= now) {
      this.#gone += this.#lots.shift()!.tokens;
    }
  }

  #overran(overrun: number): void {
    this.debt += Math.max(0, overrun - this.#seen.overrun);
    this.#seen.overrun = Math.max(this.#seen.overrun, overrun);
  }

  /** @returns the number of removed tokens */
  #remove(tokens: number): number {
    let left = Math.max(0, tokens);
    while (left > 0 && this.#lots.length > 0) {
      const lot = this.#lots[0]!;
      const part = Math.min(lot.tokens, left);
      lot.tokens -= part;
      left -= part;
      if (lot.tokens <= 0) this.#lots.shift();
    }
    const removed = Math.max(0, tokens) - left;
    this.#gone += removed;
    return removed;
  }
}
