import { SampleWindow } from './sampleWindow.ts';

const WINDOW_MS = 10_000;
/** Retries that the budget always allows within the window, so that little traffic can be retried. */
const FLOOR = 3;

/**
 * Allows retries as a share of recent requests (as in Finagle's RetryBudget): when all requests
 * fail, retries add at most that share to the load.
 */
export class RetryBudget {
  private percent: number;
  /** Requests and retries; a retry is a hit. */
  private readonly window = new SampleWindow();

  constructor(percent: number) {
    this.percent = percent;
    this.window.apply({ windowMs: WINDOW_MS });
  }

  /** Sets another share, in percent. Retries already made still count. */
  apply(percent: number): void {
    this.percent = percent;
  }

  /** Counts a request. */
  request(now: number): void {
    this.window.record(false, now);
  }

  /** Takes one retry; false if the budget is spent. */
  withdraw(now: number): boolean {
    this.window.expire(now);
    if (this.window.hits + 1 > this.allowed()) return false;
    this.window.record(true, now);
    return true;
  }

  /** Used share of the budget, 0 to 1. */
  used(now: number): number {
    this.window.expire(now);
    return Math.min(1, this.window.hits / this.allowed());
  }

  private allowed(): number {
    const { calls, hits } = this.window;
    return Math.max(FLOOR, Math.floor(((calls - hits) * this.percent) / 100));
  }
}
