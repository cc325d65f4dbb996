import type { Outcome } from '../resilience/outcome.ts';

/** Leave to make one call or to serve one request. Whoever holds it settles it exactly once. */
export interface Permit {
  /** The first token of a streamed answer has come. A half-open probe votes here. */
  firstToken(): void;
  /** The call has ended. A second call does nothing but be counted. */
  settle(outcome: Outcome): void;
}

/** Why leave was refused. A plain value: nothing is thrown before the HTTP edge. */
export interface Rejection {
  reason: 'CircuitBreakerOpen' | 'RateLimited';
  /** inbound, or the dependency. */
  target: string;
  /** Policy that refused; absent when the built-in defaults did. */
  policy?: string;
  /** Name of the limit that refused; only with RateLimited. */
  limit?: string;
  /** Whole milliseconds until another attempt can succeed. */
  retryAfterMs: number;
}

export type Admission =
  { kind: 'Permit'; permit: Permit } | { kind: 'Rejection'; rejection: Rejection };
