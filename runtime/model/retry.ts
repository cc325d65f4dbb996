import type { AttemptResult } from './attempt/attempt.ts';
import type { Fault } from '../errors/fault.ts';
import type { ErrorKind } from './provider/provider.ts';

/** How often an attempt that ended so may be repeated. */
export type Retryable = 'No' | 'Once' | 'Yes';

/** Statuses that a repeated attempt can change. Other client errors stay the same. */
const STATUSES: Record<number, Retryable> = { 408: 'Once', 409: 'Once', 429: 'Yes', 529: 'Once' };

const KINDS: Partial<Record<ErrorKind, Retryable>> = {
  RateLimited: 'Yes',
  Overloaded: 'Once',
  ServerError: 'Yes',
};

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

/** Whether to move to another endpoint after this attempt. `ownModel`: the endpoint set the model. */
export function movable(result: AttemptResult, ownModel = false): Movable {
  const { committed, fault, refusal, outcome, error, status = 0 } = result;
  if (committed) return 'No';
  if (refusal) return refusal.gate === 'RateLimited' ? 'Early' : 'OtherCredential';
  if (fault !== undefined) return MOVES[fault];
  if (outcome.vote === 'failure') return outcome.class === 'Overloaded' ? 'Early' : 'Yes';
  return status >= 500 ? 'Yes' : afterClientError(error, ownModel);
}

/** Every endpoint gives the same client error, unless it concerns something that only this endpoint has or lacks. */
function afterClientError(error: AttemptResult['error'], ownModel: boolean): Movable {
  if (error === 'PromptTooLong') return 'LargerContext';
  if (error === 'FeatureRefused') return 'Early';
  return error === 'ModelMissing' && ownModel ? 'Early' : 'No';
}

/** Statuses by which an endpoint refuses a request that another one may take. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 413, 422]);

/** Whether an endpoint refuses what the request asks for. */
export function isRefused({ held, fault, refusal, status = 0 }: AttemptResult): boolean {
  return held !== undefined && fault === undefined && !refusal && REFUSALS.has(status);
}

/** Whether to repeat the attempt at the same endpoint. */
export function retryable(result: AttemptResult): Retryable {
  const { committed, final, fault, refusal, status = 0 } = result;
  if (committed || final) return 'No';
  if (refusal !== undefined && refusal.gate !== 'RateLimited') return afterRefusal(result);
  if (fault !== undefined) return FAULTS[fault];
  return status < 300 ? afterStreamError(result) : afterError(result);
}

function afterError({ error, status = 0 }: AttemptResult): Retryable {
  return (error && KINDS[error]) ?? STATUSES[status] ?? (status >= 500 ? 'Yes' : 'No');
}

/** A key that was just accepted is refused by chance more often than not. */
function afterRefusal({ refusal, keyServed = false }: AttemptResult): Retryable {
  return refusal?.gate === 'Unauthorized' && keyServed ? 'Once' : 'No';
}

/** The stream began with an error. */
function afterStreamError({ outcome }: AttemptResult): Retryable {
  if (outcome.vote !== 'failure') return 'No';
  return outcome.class === 'Overloaded' ? 'Once' : 'Yes';
}

/** Reason of a retry, for metrics. */
export function retryReason({ outcome, fault, status }: AttemptResult): string {
  if (outcome.vote === 'failure') return outcome.class;
  if (fault === 'Attempt') return 'Timeout';
  if (status === 401) return 'Unauthorized';
  return status === 409 ? 'Conflict' : 'RequestTimeout';
}

/** Reason of a move, for metrics. */
export function moveReason(result: AttemptResult): string {
  const { refusal, outcome, fault, error } = result;
  if (refusal) return refusal.gate;
  if (outcome.vote === 'failure' || fault !== undefined) return retryReason(result);
  if (error === 'ModelMissing') return 'ModelNotFound';
  return error ?? retryReason(result);
}

/** Price of another attempt. A timeout has cost more time than an error. */
export function unitsOf(result: AttemptResult): number {
  return retryReason(result) === 'Timeout' ? 2 : 1;
}
