import type { Content } from '../../contract/generated/types.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Fault } from '../errors/fault.ts';
import { errorOf } from './errorAnswer.ts';
import { RetryBudget } from '../resilience/retryBudget.ts';
import type { RetryBudgetSpec } from '../resilience/retryBudget.ts';

export type RetrySpec = NonNullable<Content['retry']>;

/** How often an attempt that ended so may be repeated. */
export type Retryable = 'No' | 'Once' | 'Yes';

/** Statuses that a repeated attempt can change. Other client errors stay the same. */
const STATUSES: Record<number, Retryable> = { 408: 'Once', 409: 'Once', 429: 'Yes', 529: 'Once' };

const FAULTS: Record<Fault, Retryable> = {
  UpstreamUnreachable: 'Yes',
  BrokeOff: 'Yes',
  InvalidResponse: 'Yes',
  Attempt: 'Yes',
  FirstToken: 'Yes',
  StreamIdle: 'Yes',
  TransportIdle: 'Yes',
  Deadline: 'No',
  Stream: 'No',
  ClientGone: 'No',
  Drain: 'No',
  Unsendable: 'No',
};

/**
 * Whether another endpoint may serve instead. `Yes`: when retries here are used up. `Early`: at once, because it is
 * better than a retry here. `OtherCredential`, `LargerContext`: at once, but only with another credential or room for
 * more tokens.
 */
export type Movable = 'No' | 'Yes' | 'Early' | 'OtherCredential' | 'LargerContext';

const MOVES: Record<Fault, Movable> = {
  UpstreamUnreachable: 'Yes',
  BrokeOff: 'Yes',
  InvalidResponse: 'Yes',
  // A retry here would take that long again.
  Attempt: 'Early',
  FirstToken: 'Early',
  StreamIdle: 'Early',
  TransportIdle: 'Early',
  Deadline: 'No',
  Stream: 'No',
  ClientGone: 'No',
  Drain: 'No',
  Unsendable: 'No',
};

/** How the Messages API reports a prompt that is too long. */
const TOO_LONG = /prompt is too long|exceed context limit/i;

/** Whether to move to another endpoint after this attempt. `ownModel`: the endpoint set the model. */
export function movable(result: AttemptResult, ownModel = false): Movable {
  const { committed, fault, refusal, outcome, status = 0 } = result;
  if (committed) return 'No';
  if (refusal) return refusal.gate === 'RateLimited' ? 'Early' : 'OtherCredential';
  if (fault !== undefined) return MOVES[fault];
  if (outcome.vote === 'failure') return outcome.class === 'Overloaded' ? 'Early' : 'Yes';
  if (status >= 500) return 'Yes';
  return afterClientError(result, ownModel);
}

/** Every endpoint gives the same client error, unless it concerns something that only this endpoint has or lacks. */
function afterClientError({ held, status }: AttemptResult, ownModel: boolean): Movable {
  if (!held || (status !== 400 && status !== 404)) return 'No';
  const { type, message } = errorOf(held);
  if (status === 404) return ownModel && type === 'not_found_error' ? 'Early' : 'No';
  return TOO_LONG.test(message) ? 'LargerContext' : 'No';
}

/** Whether to repeat the attempt at the same endpoint. */
export function retryable(result: AttemptResult): Retryable {
  const { committed, final, fault, refusal, status = 0 } = result;
  const spent = refusal !== undefined && refusal.gate !== 'RateLimited';
  if (committed || final || spent) return 'No';
  if (fault !== undefined) return FAULTS[fault];
  if (status < 300) return afterStreamError(result);
  return STATUSES[status] ?? (status >= 500 ? 'Yes' : 'No');
}

/** The stream began with an error. */
function afterStreamError({ outcome }: AttemptResult): Retryable {
  if (outcome.vote !== 'failure') return 'No';
  return outcome.class === 'Overloaded' ? 'Once' : 'Yes';
}

/** Reason of a retry, for metrics. */
export function retryReason({ outcome, status }: AttemptResult): string {
  if (outcome.vote === 'failure') return outcome.class;
  return status === 409 ? 'Conflict' : 'RequestTimeout';
}

/** Reason of a move, for metrics. */
export function moveReason(result: AttemptResult): string {
  const { refusal, outcome, status } = result;
  if (refusal) return refusal.gate;
  if (outcome.vote === 'failure') return outcome.class;
  if (status === 404) return 'ModelNotFound';
  return status === 400 ? 'PromptTooLong' : retryReason(result);
}

/** Price of another attempt. A timeout has cost more time than an error. */
export function unitsOf({ outcome }: AttemptResult): number {
  return outcome.vote === 'failure' && outcome.class === 'Timeout' ? 2 : 1;
}

/**
 * Longest wait for a 429 while the client's request stays open, in milliseconds. After a longer one the client asks
 * again, and our own attempts would multiply its retries.
 */
const CLIENT_WAIT_MS = 1000;

export class Retries {
  readonly #spec: RetrySpec | undefined;
  /** Whether the agent itself makes the request. */
  readonly #ownTurn: boolean;
  readonly #random: () => number;
  #attempts = 0;
  #onceUsed = false;

  /** `random` gives numbers from 0 up to but not 1. No spec: no retries. */
  constructor(spec: RetrySpec | undefined, ownTurn: boolean, random: () => number) {
    this.#spec = spec;
    this.#ownTurn = ownTurn;
    this.#random = random;
  }

  /**
   * Wait before another attempt, in milliseconds; undefined: no further attempt. `leftMs`: time until the request's
   * deadline; a longer wait does not begin. `withdraw` takes the retry from the budget if it can.
   */
  next(result: AttemptResult, leftMs: number, withdraw: () => boolean): number | undefined {
    this.#attempts += 1;
    const spec = this.#spec;
    const kind = retryable(result);
    if (!spec || kind === 'No' || this.#attempts >= spec.maxAttempts) return undefined;
    if (kind === 'Once' && this.#onceUsed) return undefined;
    const wait = this.#wait(spec, result);
    if (wait === undefined || wait >= leftMs || !withdraw()) return undefined;
    this.#onceUsed ||= kind === 'Once';
    return wait;
  }

  /** Full jitter (AWS Architecture Blog, Exponential Backoff And Jitter), or the requested wait plus jitter. */
  #wait({ baseDelayMs, maxDelayMs }: RetrySpec, result: AttemptResult): number | undefined {
    const { retryAfterMs, shutMs } = result;
    if (retryAfterMs === undefined && shutMs === undefined) {
      return this.#random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (this.#attempts - 1));
    }
    const asked = Math.max(retryAfterMs ?? 0, shutMs ?? 0);
    if (asked > maxDelayMs || this.#leavesToClient(result)) return undefined;
    return Math.min(maxDelayMs, asked + this.#random() * baseDelayMs);
  }

  #leavesToClient({ refusal, retryAfterMs = 0 }: AttemptResult): boolean {
    return !this.#ownTurn && refusal?.gate === 'RateLimited' && retryAfterMs > CLIENT_WAIT_MS;
  }
}

/** Without a retry configuration only moves draw on the budget. */
const NO_RETRY: RetryBudgetSpec = { budgetPercent: 0, minPerSecond: 1 };

/** One retry budget for each dependency of the model. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  #spec: RetryBudgetSpec = NO_RETRY;

  /** Replaces the figures and drops the budgets of other dependencies. */
  apply(spec: RetryBudgetSpec = NO_RETRY, dependencies: readonly string[]): void {
    this.#spec = spec;
    const present = new Set(dependencies);
    for (const [name, budget] of this.#budgets) {
      if (present.has(name)) budget.apply(spec);
      else this.#budgets.delete(name);
    }
    for (const name of present) this.of(name);
  }

  of(dependency: string): RetryBudget {
    const known = this.#budgets.get(dependency);
    if (known) return known;
    const budget = new RetryBudget(this.#spec);
    this.#budgets.set(dependency, budget);
    return budget;
  }

  /** Used share of each budget, 0 to 1. */
  used(now: number): { name: string; used: number }[] {
    return Array.from(this.#budgets, ([name, budget]) => ({ name, used: budget.used(now) }));
  }
}
