import type { Clock } from '../kube/clock.ts';

/** What a pod may send over its links. */
export interface ReportLimits {
  bytesPerSecond: number;
  messagesPerSecond: number;
  /** A pod that was silent may send so many seconds' worth at once. */
  burstSeconds: number;
}

/** Two token buckets for what one pod sends: bytes, and messages with pings and pongs among them. */
export class ReportBudget {
  readonly #limits: ReportLimits;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Seconds' worth that are left. */
  #bytes: number;
  #messages: number;
  #at: number;

  constructor(limits: ReportLimits, clock: Pick<Clock, 'monotonic'>) {
    this.#limits = limits;
    this.#clock = clock;
    this.#bytes = limits.burstSeconds;
    this.#messages = limits.burstSeconds;
    this.#at = clock.monotonic();
  }

  /** @returns why this was too much; undefined when it was not */
  spend(bytes: number, messages: number): string | undefined {
    const { bytesPerSecond, messagesPerSecond, burstSeconds } = this.#limits;
    const now = this.#clock.monotonic();
    const passed = (now - this.#at) / 1000;
    this.#at = now;
    this.#bytes = Math.min(burstSeconds, this.#bytes + passed) - bytes / bytesPerSecond;
    this.#messages = Math.min(burstSeconds, this.#messages + passed) - messages / messagesPerSecond;
    if (this.#bytes < 0) return `more than ${bytesPerSecond} bytes per second came`;
    if (this.#messages < 0) return `more than ${messagesPerSecond} messages per second came`;
    return undefined;
  }

  /** After a back-off the pod begins anew, with as much as a new one. */
  refill(): void {
    this.#bytes = this.#limits.burstSeconds;
    this.#messages = this.#limits.burstSeconds;
  }
}
