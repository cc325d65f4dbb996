/** What a failure was, in the words of CircuitBreakerPolicy's failureOn. */
export type FailureClass =
  'ServerError' | 'Overloaded' | 'Timeout' | 'Connection' | 'InvalidResponse' | 'RateLimited';

/** A call that the dependency failed. `message` is one plain line without secrets or bodies. */
export interface Failure {
  vote: 'failure';
  class: FailureClass;
  message: string;
  /** Slow whatever was measured, such as a call that timed out before it was slow by the rule. */
  slow?: boolean;
}

/**
 * How a call ended. `ignored` says nothing about the dependency (the caller went away, the request
 * was bad): it gives back what the call held and casts no vote.
 */
export type Outcome = { vote: 'ok'; slow?: boolean } | Failure | { vote: 'ignored' };

/** Shared values, so that the usual outcomes cost no allocation. */
export const OK: Outcome = { vote: 'ok' };
export const IGNORED: Outcome = { vote: 'ignored' };
