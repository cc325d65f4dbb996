import { IGNORED } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';

/** How a policy judges calls whose clients leave. Times are in milliseconds. */
export interface AbandonedSpec {
  /** A call without a first token counts as slow after this time. */
  slowerThanMs: number;
  /** A streamed call that has received nothing counts as a Timeout after this time. */
  abandonedAfterMs: number;
}

/**
 * Judges calls whose clients leave. Clients are often less patient than the agent, so a hanging endpoint would look
 * healthy if these calls did not count.
 */
export class AbandonedCalls {
  /** Client of the last Timeout, until another call votes: one impatient client must not open a circuit for all. */
  #lastClient: string | undefined;

  /** Vote of a call that took `ms`. */
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
