/** Why a call or a request was rejected. A value: only the HTTP edge creates errors. */
export interface Rejection {
  reason:
    | 'CircuitBreakerOpen'
    | 'RateLimited'
    /** The bulkhead and its queue are full, or the wait in the queue was too long. */
    | 'BulkheadFull'
    /** Gates: the provider refused this credential or its spending. */
    | 'SpendLimit'
    | 'CredentialRefused'
    /** The deadline of the request passed in a queue. */
    | 'Timeout';
  /** inbound, or the dependency. */
  target: string;
  /** Policy that rejected; absent for the built-in defaults and for gates. */
  policy?: string;
  /** Name of the limit that rejected; only for RateLimited by a policy. */
  limit?: string;
  /** Whole milliseconds until another attempt can succeed. */
  retryAfterMs: number;
}
