import { FLEET } from '../../../contract/link.ts';
import type { LimitUse } from '../../../contract/generated/types.ts';

interface Lot {
  tokens: number;
  /** The pod cannot use the tokens any more. */
  until: number;
}

/** Tokens that a report moves, besides those that calls took. */
export interface Moved {
  /** Came back unused from the pod's block. */
  returned: number;
  /** Came back from calls that used less than they took. */
  refunded: number;
}

/** Tokens are counted as held for so long after the grant. */
const HELD_MS = FLEET.blockMs + FLEET.toleranceMs;

/** What one pod has of one limit, as far as the leader knows: never less than the pod has. */
export class Account {
  /** As in the pod's reports; grants name it. */
  readonly block: number;
  /** Tokens granted in the session. */
  granted: number;
  /** Over-run that is not paid for yet. */
  debt = 0;
  need = 0;
  want = 0;
  /** Number of the last report that was looked at. */
  answered = 0;
  /** Start-time fair queuing: what it was granted while others waited. */
  virtual = 0;
  /** Most that bucket and blocks held together since the last report. */
  peak = 0;
  /** Oldest first. */
  private lots: Lot[] = [];
  /** Tokens that left the lots. */
  private gone: number;
  /** Tokens that were credited because calls did not use them. */
  private credited = 0;
  private readonly seen: Pick<LimitUse, 'returned' | 'refunded' | 'overrun'>;

  /** Begins with what the pod reports, of which it can hold no more than `most`. */
  constructor(use: LimitUse, most: number, now: number) {
    const { block, carried, received, taken, returned, refunded, overrun } = use;
    this.block = block;
    this.granted = received;
    this.gone = taken + returned;
    // In a session that is under way, another bucket of the leader was told of the over-run.
    this.seen = { returned, refunded, overrun: received > 0 ? overrun : 0 };
    const held = Math.min(most, carried + received - taken - returned);
    if (held > 0) this.lots.push({ tokens: held, until: now + HELD_MS });
    this.overran(overrun);
  }

  get held(): number {
    return this.lots.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  grant(tokens: number, now: number): void {
    this.granted += tokens;
    this.lots.push({ tokens, until: now + HELD_MS });
  }

  /** Takes a report. Figures that go back, as they never do, count for nothing. */
  report({ taken, returned, refunded, overrun, need, want }: LimitUse): Moved {
    this.need = need;
    this.want = Math.max(need, want);
    const left = this.remove(taken + returned - this.gone);
    const moved = {
      returned: Math.min(left, Math.max(0, returned - this.seen.returned)),
      // Calls cannot give back more than the pod got.
      refunded: Math.max(0, Math.min(refunded - this.seen.refunded, this.gone - this.credited)),
    };
    this.seen.returned = Math.max(this.seen.returned, returned);
    this.seen.refunded = Math.max(this.seen.refunded, refunded);
    this.credited += moved.refunded;
    this.overran(overrun);
    const paid = Math.min(this.debt, moved.refunded);
    this.debt -= paid;
    moved.refunded -= paid;
    return moved;
  }

  /** Forgets tokens whose time is over: the pod does not use them any more. */
  expire(now: number): void {
    while (this.lots.length > 0 && this.lots[0]!.until <= now) {
      this.gone += this.lots.shift()!.tokens;
    }
  }

  private overran(overrun: number): void {
    this.debt += Math.max(0, overrun - this.seen.overrun);
    this.seen.overrun = Math.max(this.seen.overrun, overrun);
  }

  /** @returns how many of the tokens were there */
  private remove(tokens: number): number {
    let left = Math.max(0, tokens);
    while (left > 0 && this.lots.length > 0) {
      const lot = this.lots[0]!;
      const part = Math.min(lot.tokens, left);
      lot.tokens -= part;
      left -= part;
      if (lot.tokens <= 0) this.lots.shift();
    }
    const removed = Math.max(0, tokens) - left;
    this.gone += removed;
    return removed;
  }
}
