import type { Content } from '../../contract/generated/types.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import type { Fault } from '../errors/fault.ts';
import { errorOf } from './errorAnswer.ts';

/** How calls are retried, as in the configuration. */
export type RetrySpec = NonNullable<Content['retry']>;

/** How often what happened may be tried again. */
export type Retryable = 'No' | 'Once' | 'Yes';

/** Statuses that say nothing more by another attempt, or may at most once. */
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
 * Whether another endpoint may serve instead: never; once this one is not to be tried again; at once,
 * because that is better than trying this one again; or at once, and only with another credential or
 * with room for more tokens.
 */
export type Movable = 'No' | 'Yes' | 'Early' | 'OtherCredential' | 'LargerContext';

const MOVES: Record<Fault, Movable> = {
  UpstreamUnreachable: 'Yes',
  BrokeOff: 'Yes',
  InvalidResponse: 'Yes',
  // To try it again would take that long again.
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

/** How the Messages API says that a prompt has more tokens than the model takes. */
const TOO_LONG = /prompt is too long|exceed context limit/i;

/** Whether an attempt at another endpoint makes sense after this one. `ownModel`: it named the endpoint's own model. */
export function movable(result: AttemptResult, ownModel = false): Movable {
  const { committed, fault, refusal, outcome, status = 0 } = result;
  if (committed) return 'No';
  if (refusal) return refusal.gate === 'RateLimited' ? 'Early' : 'OtherCredential';
  if (fault !== undefined) return MOVES[fault];
  if (outcome.vote === 'failure') return outcome.class === 'Overloaded' ? 'Early' : 'Yes';
  if (status >= 500) return 'Yes';
  return afterClientError(result, ownModel);
}

/** A client's error is the same everywhere, unless it is about what only this endpoint has or lacks. */
function afterClientError({ held, status }: AttemptResult, ownModel: boolean): Movable {
  if (!held || (status !== 400 && status !== 404)) return 'No';
  const { type, message } = errorOf(held);
  if (status === 404) return ownModel && type === 'not_found_error' ? 'Early' : 'No';
  return TOO_LONG.test(message) ? 'LargerContext' : 'No';
}

/** Whether another attempt at the same endpoint makes sense after this one. */
export function retryable(result: AttemptResult): Retryable {
  const { committed, final, fault, refusal, status = 0 } = result;
  const spent = refusal !== undefined && refusal.gate !== 'RateLimited';
  if (committed || final || spent) return 'No';
  if (fault !== undefined) return FAULTS[fault];
  if (status < 300) return afterStreamError(result);
  return STATUSES[status] ?? (status >= 500 ? 'Yes' : 'No');
}

/** A stream that began with an error. */
function afterStreamError({ outcome }: AttemptResult): Retryable {
  if (outcome.vote !== 'failure') return 'No';
  return outcome.class === 'Overloaded' ? 'Once' : 'Yes';
}

/** What a retry is counted under. */
export function retryReason({ outcome, status }: AttemptResult): string {
  if (outcome.vote === 'failure') return outcome.class;
  return status === 409 ? 'Conflict' : 'RequestTimeout';
}

/** Why a request moves on to another endpoint. */
export function moveReason(result: AttemptResult): string {
  const { refusal, outcome, status } = result;
  if (refusal) return refusal.gate;
  if (outcome.vote === 'failure') return outcome.class;
  if (status === 404) return 'ModelNotFound';
  return status === 400 ? 'PromptTooLong' : retryReason(result);
}

/** What another attempt takes out of the budget: a timeout has cost more time than an error. */
export function unitsOf({ outcome }: AttemptResult): number {
  return outcome.vote === 'failure' && outcome.class === 'Timeout' ? 2 : 1;
}

/**
 * The longest wait that a client's request is kept open for because of a 429, in milliseconds. After a longer one the
 * client itself asks again, and attempts of ours within that would multiply.
 */
const CLIENT_WAIT_MS = 1000;

/** The retries of one request. */
export class Retries {
  readonly #spec: RetrySpec | undefined;
  /** Whether the runtime is the client itself. */
  readonly #ownTurn: boolean;
  readonly #random: () => number;
  #attempts = 0;
  #onceUsed = false;

  /** `random` gives numbers from 0 up to but not 1. Without a spec nothing is retried. */
  constructor(spec: RetrySpec | undefined, ownTurn: boolean, random: () => number) {
    this.#spec = spec;
    this.#ownTurn = ownTurn;
    this.#random = random;
  }

  /**
   * Time to wait before another attempt, in milliseconds; undefined when there is to be none.
   * `leftMs` is what is left of the request's deadline: a wait that does not fit is not begun.
   * `withdraw` takes the retry out of the budget, if that is left.
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

  /** Full jitter (AWS Architecture Blog, Exponential Backoff And Jitter), after what was asked. */
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
