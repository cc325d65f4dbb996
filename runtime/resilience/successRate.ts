import { SampleWindow } from './sampleWindow.ts';
import type { Outcome } from './outcome.ts';

/** How long a call counts as recent, in milliseconds. */
export const RECENT_MS = 30_000;

/** The share of successes among the recent calls of one dependency. */
export class SuccessRate {
  /** A success is a hit. */
  readonly #window = new SampleWindow();

  constructor() {
    this.#window.apply({ windowMs: RECENT_MS });
  }

  /** A call has ended. One that says nothing about the dependency does not count. */
  record({ vote }: Outcome, now: number): void {
    if (vote !== 'ignored') this.#window.record(vote === 'ok', now);
  }

  /** 0 to 1; 1 without a recent call. */
  share(now: number): number {
    this.#window.expire(now);
    const { calls, hits } = this.#window;
    return calls === 0 ? 1 : hits / calls;
  }
}
