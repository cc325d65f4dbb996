import type { ConfigurationStatus } from '../../contract/generated/types.ts';
import { backoff } from '../kube/backoff.ts';

export interface DeliveryTiming {
  /** Time for the answer to a push. After it the next push may be sent. */
  answerMs: number;
  /** Bounds of the time until a push that was refused or not answered is repeated. */
  retryMs: number;
  maxRetryMs: number;
}

export type Decision =
  /** The pod runs the configuration. */
  | { kind: 'Done' }
  | { kind: 'Send' }
  /** Decide again after this time, or after a change. */
  | { kind: 'Wait'; ms: number };

interface Attempt {
  hash: string;
  sentAt: number;
  /** Number of consecutive pushes of this hash. */
  count: number;
  answered: boolean;
  refused: boolean;
}

/**
 * Decides when to push the desired configuration to one pod. It pushes at once, but one configuration at a time, so that a
 * slow pod gets only the latest one. A refused configuration is pushed again after a growing delay. Times are monotonic
 * milliseconds.
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

  /** The action for a pod that reports `reported` and should run `desired`. */
  decide(desired: string, reported: string | undefined, now: number): Decision {
    if (desired === reported) return { kind: 'Done' };
    const attempt = this.#attempt;
    if (attempt === undefined) return { kind: 'Send' };
    const answerDue = attempt.sentAt + this.#timing.answerMs - now;
    if (!attempt.answered && answerDue > 0) return { kind: 'Wait', ms: answerDue };
    if (attempt.hash !== desired) return { kind: 'Send' };
    const { retryMs: baseMs, maxRetryMs: maxMs } = this.#timing;
    const pause = backoff(attempt.count - 1, { baseMs, maxMs });
    const left = attempt.sentAt + pause * (1 + this.#random() / 5) - now;
    return left <= 0 ? { kind: 'Send' } : { kind: 'Wait', ms: left };
  }

  sent(hash: string, now: number): void {
    const count = this.#attempt?.hash === hash ? this.#attempt.count + 1 : 1;
    this.#attempt = { hash, sentAt: now, count, answered: false, refused: false };
  }

  /**
   * Takes a pod's report on its configuration.
   *
   * @returns milliseconds from the push to its enforcement, if the report confirms the push; 'Refused' if the pod refused it
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

  /** Must be called when the pod reconnects: a lacking configuration is pushed at once, unless the same process refused it. */
  connected(boot: string): void {
    if (boot !== this.#boot || this.#attempt?.refused !== true) this.#attempt = undefined;
    this.#boot = boot;
  }
}

/** A refusal without a hash is of an unreadable configuration, and so of the last push. */
function refuses({ refused }: ConfigurationStatus, hash: string): boolean {
  if (refused === undefined) return false;
  return refused.hash === undefined ? refused.source === 'Link' : refused.hash === hash;
}
