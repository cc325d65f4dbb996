import type { FailureClass } from '../resilience/outcome.ts';
import type { CircuitStatus } from '../../contract/generated/types.ts';

type State = CircuitStatus['state'];

/** Numbers of one circuit since it came to be. */
export interface CircuitStats {
  dependency: string;
  state: State;
  /** Calls that asked, whether admitted or rejected. */
  requests: number;
  /** Of these, rejected by the circuit. */
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
  /** Level of the bucket now. */
  tokens: number;
}

/** Plain numbers for metrics, taken when a scrape comes. */
export interface GuardStats {
  circuits: CircuitStats[];
  limits: LimitStats[];
  /** Permits settled more than once: a fault of the caller that did no harm. */
  settledTwice: number;
}
