import type { FailureClass } from '../resilience/outcome.ts';
import type { CircuitStatus } from '../../contract/generated/types.ts';

type State = CircuitStatus['state'];

/** Numbers of one circuit since it came to be. */
export interface CircuitStats {
  dependency: string;
  state: State;
  /** Calls that asked, whether admitted or rejected. */
  requests: number;
  /** Of these, rejected by the circuit, or in the shadow those that would have been. */
  rejected: number;
  /** Admitted and not yet settled. */
  inFlight: number;
  /** Failures that counted; classes that did not occur are absent. */
  failures: Partial<Record<FailureClass, number>>;
  /** Transitions; pairs that did not occur are absent. */
  transitions: { from: State; to: State; count: number }[];
}

/** Numbers of one limit since it came to be. */
export interface LimitStats {
  target: string;
  policy: string;
  limit: string;
  /** Calls that asked, whether admitted or rejected. */
  requests: number;
  /** Of these, rejected because of this limit. */
  rejected: number;
  /** Level of the bucket now; with a key, that of the bucket that was used most. */
  tokens: number;
  /** Keys with a bucket of their own. */
  keys: number;
}

/** Numbers of one bulkhead. */
export interface BulkheadStats {
  /** inbound, or the dependency. */
  target: string;
  maxConcurrent: number;
  active: number;
  queued: number;
  /** Since it came to be. */
  rejected: number;
}

/** Plain numbers for metrics, taken when a scrape comes. */
export interface GuardStats {
  circuits: CircuitStats[];
  limits: LimitStats[];
  /** Those with a bound. */
  bulkheads: BulkheadStats[];
  /** Permits settled more than once: a fault of the caller that did no harm. */
  settledTwice: number;
}
