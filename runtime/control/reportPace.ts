import { REPORT_INTERVAL, REPORT_PACE } from '../../contract/link.ts';

/**
 * What to report at the end of a second. State: changes, but no mere figures, as these wait for the leader's interval.
 * Everything: a Snapshot, because transitions were left out.
 */
export type Due = 'Changes' | 'State' | 'Everything' | 'Nothing';

/**
 * Keeps a pod's reports below REPORT_PACE. The next Snapshot covers transitions beyond it, and after a large report
 * the next one waits. Figures go out at the interval that the leader asks for. A new interval begins with a random part of
 * it: the leader asks all pods at once, and their figures must not arrive in the same second.
 */
export class ReportPace {
  #transitions = 0;
  #leftOut = false;
  /** Bytes ahead of the pace. */
  #ahead = 0;
  /** The leader's interval, and how many ticks are left of it. */
  #everyTicks = 1;
  #ticksLeft = 0;
  readonly #random: () => number;

  /** @param random 0 to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  setInterval(ms: number): void {
    const everyTicks = Math.max(1, Math.round(ms / REPORT_INTERVAL.leastMs));
    if (everyTicks === this.#everyTicks) return;
    this.#everyTicks = everyTicks;
    this.#ticksLeft = Math.ceil(this.#random() * everyTicks);
  }

  /** Whether a transition may go out now; otherwise a later report covers it. */
  mayTellTransition(): boolean {
    this.#transitions += 1;
    const may = this.#transitions <= REPORT_PACE.transitionsPerSecond;
    this.#leftOut ||= !may;
    return may;
  }

  /** Call it once a second. */
  tick(): Due {
    this.#transitions = 0;
    this.#ahead = Math.max(0, this.#ahead - REPORT_PACE.bytesPerSecond);
    this.#ticksLeft -= 1;
    if (this.#ahead > 0) return 'Nothing';
    const due = this.#leftOut ? 'Everything' : 'Changes';
    if (due === 'Changes' && this.#ticksLeft > 0) return 'State';
    this.#ticksLeft = this.#everyTicks;
    this.#leftOut = false;
    return due;
  }

  sent(bytes: number): void {
    this.#ahead += bytes;
  }
}
