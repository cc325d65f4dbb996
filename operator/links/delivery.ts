import type { ConfigurationStatus } from '../../contract/generated/types.ts';

export interface DeliveryTiming {
  /** How long an answer to a push is waited for before the next one may go out. */
  answerMs: number;
  /** Least and longest time until a pod is sent once more what it refused or did not answer. */
  retryMs: number;
  maxRetryMs: number;
}

export type Decision =
  /** The pod has it. */
  | { kind: 'Done' }
  | { kind: 'Send' }
  /** Decide again after so many milliseconds, or when something changes. */
  | { kind: 'Wait'; ms: number };

interface Attempt {
  hash: string;
  sentAt: number;
  /** How often this hash was sent in a row. */
  count: number;
  answered: boolean;
  refused: boolean;
}

/**
 * Decides when one pod is sent the configuration that it should have: at once, but one at a time,
 * so that a slow pod gets the latest and not each; and again only after a growing while when it
 * refused it. Times are those of a monotonic clock, in milliseconds.
 */
export class Delivery {
  readonly #timing: DeliveryTiming;
  readonly #random: () => number;
  #attempt: Attempt | undefined;
  #boot: string | undefined;

  constructor(timing: DeliveryTiming, random: () => number) {
    this.#timing = timing;
    this.#random = random;
  }

  /** What to do about a pod that reports `reported` and should have `desired`. */
  decide(desired: string, reported: string | undefined, now: number): Decision {
    if (desired === reported) return { kind: 'Done' };
    const attempt = this.#attempt;
    if (attempt === undefined) return { kind: 'Send' };
    const answerDue = attempt.sentAt + this.#timing.answerMs - now;
    if (!attempt.answered && answerDue > 0) return { kind: 'Wait', ms: answerDue };
    if (attempt.hash !== desired) return { kind: 'Send' };
    const { retryMs, maxRetryMs } = this.#timing;
    const pause = Math.min(maxRetryMs, retryMs * 2 ** Math.min(attempt.count - 1, 30));
    const left = attempt.sentAt + pause * (1 + this.#random() / 5) - now;
    return left <= 0 ? { kind: 'Send' } : { kind: 'Wait', ms: left };
  }

  sent(hash: string, now: number): void {
    const count = this.#attempt?.hash === hash ? this.#attempt.count + 1 : 1;
    this.#attempt = { hash, sentAt: now, count, answered: false, refused: false };
  }

  /**
   * Takes what a pod says about its configuration.
   *
   * @returns milliseconds from push to enforcement when this says that the push is in force;
   *   'Refused' when it says that the push was refused
   */
  answer(status: ConfigurationStatus, now: number): number | 'Refused' | undefined {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.answered) return undefined;
    if (status.hash === attempt.hash) {
      attempt.answered = true;
      return now - attempt.sentAt;
    }
    if (!refuses(status, attempt.hash)) return undefined;
    attempt.answered = true;
    attempt.refused = true;
    return 'Refused';
  }

  /** A pod that connects anew is sent what it lacks at once, unless this same process refused it. */
  connected(boot: string): void {
    if (boot !== this.#boot || this.#attempt?.refused !== true) this.#attempt = undefined;
    this.#boot = boot;
  }

  /** The term was raised: what was refused before may have been refused for that. */
  termRaised(): void {
    if (this.#attempt?.refused === true) this.#attempt = undefined;
  }
}

/** A configuration that could not be read has no hash; then it is the one that came by the link. */
function refuses({ refused }: ConfigurationStatus, hash: string): boolean {
  if (refused === undefined) return false;
  return refused.hash === undefined ? refused.source === 'Link' : refused.hash === hash;
}
