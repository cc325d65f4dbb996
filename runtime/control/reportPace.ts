import { REPORT_PACE } from '../../contract/link.ts';

/** What to report at the end of a second. `Everything`: a Snapshot, because transitions were left out. */
export type Due = 'Changes' | 'Everything' | 'Nothing';

/**
 * Keeps a pod's reports below REPORT_PACE. The next Snapshot covers transitions beyond it, and after a large report
 * the next one waits.
 */
export class ReportPace {
  #transitions = 0;
  #leftOut = false;
  /** Bytes ahead of the pace. */
  #ahead = 0;

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
    if (this.#ahead > 0) return 'Nothing';
    const due = this.#leftOut ? 'Everything' : 'Changes';
    this.#leftOut = false;
    return due;
  }

  sent(bytes: number): void {
    this.#ahead += bytes;
  }
}
