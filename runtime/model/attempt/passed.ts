import { IGNORED } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import { Cut } from '../../errors/fault.ts';
import type { Fault } from '../../errors/fault.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import { connectionOutcome, cutOutcome } from './outcome.ts';

/** What the way of an answer says; the rest of the result is the same for all ways. */
export type Passed = Pick<
  AttemptResult,
  'outcome' | 'committed' | 'torn' | 'held' | 'fault' | 'refusal'
> & {
  whole?: boolean;
  /** In place of the endpoint's own. */
  status?: number;
};

/** Outcome and fault of an attempt that ended in an error. `answered`: its headers had come. */
export function broken(
  error: unknown,
  { signal, sink }: Attempt,
  answered: boolean,
): { outcome: Outcome; fault: Fault } {
  const cut: unknown = signal.aborted ? signal.reason : error;
  if (cut instanceof Cut) return { outcome: cutOutcome(cut.why, sink.blocked), fault: cut.why };
  if (UNSENDABLE.has((error as { code?: string }).code ?? '')) {
    return { outcome: IGNORED, fault: 'Unsendable' };
  }
  const outcome = connectionOutcome(error, answered);
  if (outcome.class === 'InvalidResponse') return { outcome, fault: 'InvalidResponse' };
  return { outcome, fault: answered ? 'BrokeOff' : 'UpstreamUnreachable' };
}

/** undici's codes for a request that it will not send, such as one with a malformed header. */
const UNSENDABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);
