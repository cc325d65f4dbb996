import type { Tokens } from './bucket.ts';

/** Tokens that another process gives: the leader of the fleet, or a store. A call that finds none waits for the answer. */
export interface RemoteTokens extends Tokens {
  /** Whether a call of this cost that finds no tokens waits for an answer. */
  awaitsAnswer(cost: number, now: number): boolean;
  /** Whether what waiting calls need was answered, and there were no tokens for this cost. */
  isRefused(cost: number, now: number): boolean;
  /** No call waits any more; `waitFor` names those that do. */
  clearWaiting(): void;
  /** Another call waits for so many tokens. */
  waitFor(needed: number, now: number): void;
}
