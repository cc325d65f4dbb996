import type { Clock } from '../kube/clock.ts';

/** Limits of what a pod may send over its links. */
export interface ReportLimits {
  bytesPerSecond: number;
  messagesPerSecond: number;
  /** Capacity of the buckets, in seconds of the rate. */
  burstSeconds: number;
}

/** Two token buckets for one pod: bytes and messages. Pings and pongs count as messages. */
export class ReportBudget {
  readonly #limits: ReportLimits;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** Remaining tokens, in seconds of the rate. */
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

  /** @returns which limit was exceeded; undefined if none */
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

  /** Refills the buckets after a backoff. */
  refill(): void {
    this.#bytes = this.#limits.burstSeconds;
    this.#messages = this.#limits.burstSeconds;
  }
}
