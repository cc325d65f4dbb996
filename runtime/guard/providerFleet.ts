import type { ProviderShares, ProviderUse } from '../../contract/generated/types.ts';
import type { Clock } from './clock.ts';
import type { Leader } from './leader.ts';

export interface ProviderParts {
  /** Content of the next report. */
  providerUses(): Omit<ProviderUse, 'type'>;
  /** Applies the leader's shares. */
  followProviders(shares: ProviderShares): void;
}

/** Delay of a report that the leader did not ask for, in milliseconds. */
const SOON_MS = 20;
/** Least time between two such reports, unless the leader asks for one in between. */
const PACE_MS = 1000;

/**
 * Shares the limits that providers state with the other pods. Reports to the leader what providers state and what calls
 * take, and applies the share that the leader gives. Reports nothing while enough is left.
 */
export class ProviderFleet {
  /** Largest number of pods with the agent's credentials; from the configuration in force. */
  maxPods = 1;
  readonly #clock: Clock;
  readonly #leader: Leader;
  readonly #parts: ProviderParts;
  #askedAt = -Infinity;
  #cancelAsk: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock, leader: Leader, parts: ProviderParts) {
    this.#clock = clock;
    this.#leader = leader;
    this.#parts = parts;
  }

  /** Whether other pods may use the same limits. */
  get isShared(): boolean {
    return this.maxPods > 1;
  }

  /** Applies the leader's shares. Returns the reply if the leader asks for one. */
  apply(shares: ProviderShares): ProviderUse | undefined {
    if (!this.isShared) return undefined;
    this.#parts.followProviders(shares);
    if (shares.answer !== true) return undefined;
    this.#askedAt = -Infinity;
    return this.#report();
  }

  /** Sends a report soon. The first one after a request of the leader need not wait for the pace. */
  ask(): void {
    if (this.#cancelAsk !== undefined || this.#closed || !this.isShared) return;
    const ms = Math.max(SOON_MS, this.#askedAt + PACE_MS - this.#clock.now());
    // Waits until the current call is counted, so that the report includes it.
    this.#cancelAsk = this.#clock.setTimer(ms, () => {
      this.#cancelAsk = undefined;
      this.#askedAt = this.#clock.now();
      const report = this.#report();
      if (report.limits.length + report.gates.length > 0) this.#leader.send(report);
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelAsk?.();
    this.#cancelAsk = undefined;
  }

  #report(): ProviderUse {
    return { type: 'ProviderUse', ...this.#parts.providerUses() };
  }
}
