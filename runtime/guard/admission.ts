/** What a call or a request costs in tokens. In a limit of Requests each costs one. */
export interface Cost {
  inputTokens: number;
  outputTokens: number;
}

/** Nothing was used: all reserved tokens come back, and the request too. */
export const REFUND = 'Refund';

/** What was used in the end. Absent figures stay as reserved, so unknown usage is not refunded. */
export type ActualCost = Partial<Cost> | typeof REFUND;

/** In place of a header name for limits by key: the authenticated client. No header has a colon. */
export const PRINCIPAL = ':principal';

/** What a request asks for. Times are on the guard's clock. */
export interface Asked {
  /** When the whole request ends; bounds the wait in every queue. */
  deadlineAt?: number;
  /** Value of a request header by its lower-case name, or of PRINCIPAL, for limits by key. */
  header?: (name: string) => string | undefined;
  /** Estimate, reserved until the permit is settled. Absent: no tokens. */
  cost?: Cost | undefined;
  /**
   * False for calls that say nothing about the model, such as a count of tokens. Such calls may take only a
   * share of the bulkhead. Default true.
   */
  votes?: boolean;
}

/** What a call to a dependency asks for. */
export interface AskedCall extends Asked {
  /** Whose gate applies. Absent: the gate of calls without a credential. */
  credential?: Credential;
  /** Model that the client names. Absent: none, as where the call lists models. */
  model?: string;
  /** The other dependencies that could take the call. Absent: it is not known whether there are any. */
  others?: Others;
  /**
   * Rejects the call, uncounted, instead of queueing it, because another dependency may serve it. The call still waits
   * for the answer of a store of limits.
   */
  immediate?: boolean;
}

/** What could take a call instead of the dependency that it was made to. */
export interface Others {
  /** Whether any but `dependency` serves such calls now, and has not failed this one. */
  canServe(dependency: string): boolean;
}

/** How a dependency would take a call. */
export interface Availability {
  /**
   * Usable: gate, circuit and concurrency would admit it at once. Full: it would have to wait. Shut:
   * the gate or the circuit would reject it.
   */
  state: 'Usable' | 'Full' | 'Shut';
  /** Whether the call would probe a half-open circuit. */
  probe?: boolean;
  /** Calls in flight, including calls that wait. */
  calls: number;
}

/** Stands for the hash of a missing credential. */
export const NO_HASH = '';

/** A credential by its hash; never the secret itself. */
export interface Credential {
  hash: string;
  /** Whether the spec mounts it; if not, a client passed it on. */
  mounted: boolean;
}

/** What a limit counts. */
export type Resource = 'Requests' | 'InputTokens' | 'OutputTokens' | 'TotalTokens';

/** Statement of a provider about one of its limits. */
export interface Remaining {
  resource: Resource;
  /** Remaining tokens. */
  remaining: number;
  limit?: number;
  /** Time until the limit is full again, in milliseconds. */
  resetMs?: number;
}
