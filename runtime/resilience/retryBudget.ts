import { SampleWindow } from './sampleWindow.ts';

/** Requests and retries count for this long. */
const WINDOW_MS = 10_000;
/** Retries within that time that are always there, so that little traffic can be retried too. */
const FLOOR = 3;

/**
 * Retries as a share of recent requests (as in Finagle's RetryBudget): in an outage of everything
 * they add that share to the load and no more, however many layers there are.
 */
export class RetryBudget {
  private percent: number;
  /** A retry is a hit. */
  private readonly window = new SampleWindow();

  constructor(percent: number) {
    this.percent = percent;
    this.window.apply({ windowMs: WINDOW_MS });
  }

  /** Another share, in percent. What was spent stays spent. */
  apply(percent: number): void {
    this.percent = percent;
  }

  /** A request, as opposed to its retries. */
  request(now: number): void {
    this.window.record(false, now);
  }

  /** Takes one retry if there is one left. */
  withdraw(now: number): boolean {
    this.window.expire(now);
    if (this.window.hits + 1 > this.allowed()) return false;
    this.window.record(true, now);
    return true;
  }

  /** Share of the budget that is used, 0 to 1. */
  used(now: number): number {
    this.window.expire(now);
    return Math.min(1, this.window.hits / this.allowed());
  }

  private allowed(): number {
    const { calls, hits } = this.window;
    return Math.max(FLOOR, Math.floor(((calls - hits) * this.percent) / 100));
  }
}
