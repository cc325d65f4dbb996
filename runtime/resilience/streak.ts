/** Votes before a streak that are remembered. */
const PAST_VOTES = 64;

/** Share of failures where no vote is known. */
const UNKNOWN_SHARE = 0.05;

/** Failures in a row are no chance where this many e-foldings of the past share were needed for each. */
const E_FOLDINGS = 2.8;

/** The most by which a past with failures multiplies the figure. */
const MAX_FACTOR = 6;

/**
 * Failures in a row, and the share of failures in the votes before them. Where calls fail at random with
 * the probability f, n of them in a row have the probability fⁿ. So the more failed before, the more in a
 * row it takes to tell an outage from chance: a figure of five stays five after up to 6 % of failures,
 * and becomes 9 after 20 %, 16 after 40 %, 28 after 60 %.
 */
export class Streak {
  /** Failures in a row that count. */
  length = 0;
  /** All failures in a row, repeated ones too. */
  #run = 0;
  /** The votes before the streak as bits, newest lowest; a failure is 1. */
  #newer = 0;
  #older = 0;
  #votes = 0;
  #failures = 0;

  /** Counts a failure. One that does not count is part of the past alone. */
  failed(counts = true): void {
    this.#run += 1;
    if (counts) this.length += 1;
  }

  succeeded(): void {
    if (this.#run > 0) this.#endRun();
    this.#push(0);
  }

  /** Failures in a row that are no chance, for a `figure` without failures before. */
  needed(figure: number): number {
    const share = this.#votes === 0 ? UNKNOWN_SHARE : this.#failures / this.#votes;
    const factor = E_FOLDINGS / Math.log(1 / share);
    return Math.ceil(figure * Math.min(MAX_FACTOR, Math.max(1, factor)));
  }

  /** Whether no known vote is a failure. */
  get isClean(): boolean {
    return this.#run === 0 && this.#failures === 0;
  }

  /** Whether the streak is no chance. */
  exceeds(figure: number): boolean {
    return this.length >= this.needed(figure);
  }

  /** Makes the streak the only past. */
  settle(): void {
    const run = this.#run;
    this.reset();
    this.#run = run;
    this.#endRun();
  }

  reset(): void {
    this.length = 0;
    this.#run = 0;
    this.#newer = 0;
    this.#older = 0;
    this.#votes = 0;
    this.#failures = 0;
  }

  #endRun(): void {
    for (let i = Math.min(this.#run, PAST_VOTES); i > 0; i -= 1) this.#push(1);
    this.length = 0;
    this.#run = 0;
  }

  #push(failure: 0 | 1): void {
    if (this.#votes === PAST_VOTES) this.#failures -= this.#older >>> 31;
    else this.#votes += 1;
    this.#older = (this.#older << 1) | (this.#newer >>> 31);
    this.#newer = (this.#newer << 1) | failure;
    this.#failures += failure;
  }
}
