import { IGNORED } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';

/** What a policy says of calls whose clients leave, in milliseconds. */
export interface AbandonedSpec {
  /** A call without a first token for longer is slow. */
  slowerThanMs: number;
  /** A streamed call that has received nothing for so long is a Timeout. */
  abandonedAfterMs: number;
}

/**
 * What calls say of a dependency when their clients leave. Clients are often less patient than we are, so an endpoint that
 * hangs would look healthy if they said nothing.
 */
export class AbandonedCalls {
  /** Client of the last Timeout, if no call has voted since: one impatient client does not open a circuit for all. */
  #lastClient: string | undefined;

  /** The vote of a call that took `ms`, as a circuit counts it. */
  voteOf(outcome: Outcome, ms: number, { slowerThanMs, abandonedAfterMs }: AbandonedSpec): Outcome {
    if (outcome.vote !== 'ignored') {
      this.#lastClient = undefined;
      return outcome;
    }
    if (outcome.abandoned === undefined) return IGNORED;
    const { silent, client, repeated } = outcome.abandoned;
    if (silent && ms >= abandonedAfterMs && client !== this.#lastClient) {
      this.#lastClient = client;
      const message = 'nothing came until the client left';
      return {
        vote: 'failure',
        class: 'Timeout',
        message,
        slow: true,
        ...(repeated && { repeated }),
      };
    }
    return ms > slowerThanMs ? { vote: 'ignored', slow: true } : IGNORED;
  }
}
