/** Percentages of the calls that a circuit admits after it has closed, one after the other. */
const STEPS = [10, 25, 50];

/**
 * Admits a growing share of the calls after a circuit has closed. Each step lasts an equal part of
 * the duration. The admitted calls are evenly spread, without chance. A call is always admitted if
 * none is in flight.
 */
export class RampUp {
  /** False once it admits all calls. */
  active = true;
  readonly #from: number;
  #credit = 0;

  /** `now` is when the circuit closed. */
  constructor(now: number) {
    this.#from = now;
  }

  /** `durationMs` is the time from the close until all calls are admitted. */
  admits(durationMs: number, inFlight: number, now: number): boolean {
    const step = Math.floor(((now - this.#from) * STEPS.length) / durationMs);
    const percent = durationMs > 0 ? STEPS[step] : undefined;
    if (percent === undefined) {
      this.active = false;
      return true;
    }
    this.#credit = Math.min(this.#credit + percent, 100 + percent);
    if (this.#credit >= 100) this.#credit -= 100;
    else if (inFlight > 0) return false;
    return true;
  }
}
