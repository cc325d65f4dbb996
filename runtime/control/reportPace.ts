import { REPORT_PACE } from '../../contract/link.ts';

/** What is told at the end of a second. Everything: a Snapshot, because transitions were left out. */
export type Due = 'Changes' | 'Everything' | 'Nothing';

/**
 * Keeps what a pod tells below REPORT_PACE. Transitions beyond it are told by the next Snapshot, and after a large
 * report the next one waits.
 */
export class ReportPace {
  #transitions = 0;
  #leftOut = false;
  /** Bytes by which the reports are ahead of the pace. */
  #ahead = 0;

  /** Asked for each transition; one that may not be told now is told later. */
  mayTellTransition(): boolean {
    this.#transitions += 1;
    const may = this.#transitions <= REPORT_PACE.transitionsPerSecond;
    this.#leftOut ||= !may;
    return may;
  }

  /** To be called once a second. */
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
