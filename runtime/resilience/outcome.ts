/** What kind of failure it was, in the words of `failureOn` of CircuitBreakerPolicy. */
export type FailureClass =
  'ServerError' | 'Overloaded' | 'Timeout' | 'Connection' | 'InvalidResponse' | 'RateLimited';

/** The dependency failed the call. `message` is one plain line without secrets or bodies. */
export interface Failure {
  vote: 'failure';
  class: FailureClass;
  message: string;
  /** Slow whatever its duration was, such as a call that timed out before `slowerThan`. */
  slow?: boolean;
  /** Not the first failure of its request here. It counts in rates, but not in a row of failures. */
  repeated?: boolean;
}

/** The client left before the answer, or before the first token of a stream. */
export interface Abandoned {
  /** A streamed call that had received nothing at all. */
  silent: boolean;
  /** Tells clients apart. */
  client?: string;
  /** An earlier attempt of the request has failed here. */
  repeated?: boolean;
}

/**
 * How a call ended. `ignored` says nothing about the dependency (the client disconnected, the
 * request was invalid): the call gives back what it holds and does not vote, but for being slow.
 */
export type Outcome =
  | { vote: 'ok'; slow?: boolean }
  | Failure
  | { vote: 'ignored'; slow?: boolean; abandoned?: Abandoned };

export const OK: Outcome = { vote: 'ok' };
export const IGNORED: Outcome = { vote: 'ignored' };

/** A failure of a dependency; `message` is one plain line. */
export function failure(kind: FailureClass, message: string): Failure {
  return { vote: 'failure', class: kind, message };
}
