import { IGNORED } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import { Cut } from '../../errors/fault.ts';
import type { Fault } from '../../errors/fault.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import { connectionOutcome, cutOutcome } from './outcome.ts';

/** The part of a result that depends on the form of the answer. */
export type Passed = Pick<
  AttemptResult,
  'outcome' | 'committed' | 'torn' | 'held' | 'fault' | 'refusal' | 'error'
> & {
  whole?: boolean;
  /** Replaces the endpoint's status. */
  status?: number;
};

/** How far the answer came: no headers; headers but no token; or tokens. */
export type Progress = 'Nothing' | 'Headers' | 'Tokens';

/** Outcome and fault of an attempt that ended in an error. */
export function broken(
  error: unknown,
  attempt: Attempt,
  progress: Progress,
): { outcome: Outcome; fault: Fault } {
  const { signal } = attempt;
  const cut: unknown = signal.aborted ? signal.reason : error;
  if (cut instanceof Cut) return { outcome: cutShort(cut, attempt, progress), fault: cut.why };
  if (UNSENDABLE.has((error as { code?: string }).code ?? '')) {
    return { outcome: IGNORED, fault: 'Unsendable' };
  }
  const answered = progress !== 'Nothing';
  const outcome = connectionOutcome(error, answered);
  if (outcome.class === 'InvalidResponse') return { outcome, fault: 'InvalidResponse' };
  return { outcome, fault: answered ? 'BrokeOff' : 'UpstreamUnreachable' };
}

function cutShort({ why }: Cut, { request, answer }: Attempt, progress: Progress): Outcome {
  if (why !== 'ClientGone' || progress === 'Tokens') return cutOutcome(why, answer.blocked);
  return { vote: 'ignored', abandoned: { silent: request.stream && progress === 'Nothing' } };
}

/** undici's codes for a request that it refuses to send, such as one with a malformed header. */
const UNSENDABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);
