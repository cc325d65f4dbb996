/** Shares of the calls that are let through after a circuit has closed, in percent. */
const STEPS = [10, 25, 50];

/**
 * Lets calls back gradually: each share of the steps for an equal part of the time, evenly spread
 * and not by chance, and a call whenever none is in flight.
 */
export class RampUp {
  /** Whether it may still hold calls back. */
  active = true;
  private readonly from: number;
  private credit = 0;

  /** `now` is when the circuit closed. */
  constructor(now: number) {
    this.from = now;
  }

  /** Decides over one call; `durationMs` is the time from closing to all calls. */
  admits(durationMs: number, inFlight: number, now: number): boolean {
    const step = Math.floor(((now - this.from) * STEPS.length) / durationMs);
    const percent = durationMs > 0 ? STEPS[step] : undefined;
    if (percent === undefined) {
      this.active = false;
      return true;
    }
    this.credit = Math.min(this.credit + percent, 100 + percent);
    if (this.credit >= 100) this.credit -= 100;
    else if (inFlight > 0) return false;
    return true;
  }
}
