import type { ProviderShares, ProviderUse } from '../../contract/generated/types.ts';
import type { Clock } from './clock.ts';

/** Time until a report that the leader did not ask for; further ones wait until it has asked, or for as long. */
const SOON_MS = 20;
const PACE_MS = 1000;

/**
 * What ties the process to the leader for the limits that providers state: the leader is told what providers say and
 * what calls take, and gives each pod its share. Nothing is told while enough is left.
 */
export class ProviderFleet {
  /** Sends a report to all leaders that are linked; set by whoever has the links. */
  send: (report: ProviderUse) => void = () => undefined;
  /** What is to be told; set by the guard. */
  uses: () => Omit<ProviderUse, 'type'> = () => ({ limits: [], gates: [] });
  /** Takes the shares; set by the guard. */
  follow: (shares: ProviderShares) => void = () => undefined;
  /** Most pods that there can be with the agent's credentials; from the configuration in force. */
  maxPods = 1;
  private readonly clock: Clock;
  private askedAt = -Infinity;
  private cancelAsk: (() => void) | undefined;
  private closed = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether another pod may use the limits as well. */
  get isShared(): boolean {
    return this.maxPods > 1;
  }

  /**
   * Obeys the leader.
   *
   * @returns the answer, for the sender
   */
  obey(shares: ProviderShares): ProviderUse | undefined {
    if (!this.isShared) return undefined;
    this.follow(shares);
    if (shares.answer !== true) return undefined;
    this.askedAt = -Infinity;
    return this.report();
  }

  /** Reports soon: once after the leader has asked, and else at the pace. */
  ask(): void {
    if (this.cancelAsk !== undefined || this.closed || !this.isShared) return;
    const ms = Math.max(SOON_MS, this.askedAt + PACE_MS - this.clock.now());
    // Later than the call that asks, so that the report tells of it.
    this.cancelAsk = this.clock.setTimer(ms, () => {
      this.cancelAsk = undefined;
      this.askedAt = this.clock.now();
      const report = this.report();
      if (report.limits.length + report.gates.length > 0) this.send(report);
    });
  }

  close(): void {
    this.closed = true;
    this.cancelAsk?.();
    this.cancelAsk = undefined;
  }

  private report(): ProviderUse {
    return { type: 'ProviderUse', ...this.uses() };
  }
}
