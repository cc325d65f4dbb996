/** Why leave was refused. A plain value: nothing is thrown before the HTTP edge. */
export interface Rejection {
  reason:
    | 'CircuitBreakerOpen'
    | 'RateLimited'
    /** No place in the bulkhead or in its queue, or none in time. */
    | 'BulkheadFull'
    /** Gates: the provider has refused this credential or its spending. */
    | 'SpendLimit'
    | 'CredentialRefused'
    /** The deadline of the request passed in a queue. */
    | 'Timeout';
  /** inbound, or the dependency. */
  target: string;
  /** Policy that refused; absent when the built-in defaults did, or no policy. */
  policy?: string;
  /** Name of the limit that refused; only with RateLimited by a policy. */
  limit?: string;
  /** Whole milliseconds until another attempt can succeed. */
  retryAfterMs: number;
}
