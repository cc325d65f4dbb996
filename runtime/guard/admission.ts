import type { Rejection } from '../errors/rejection.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';

export type { Rejection };

/** What a call or a request costs, or has cost. Every request costs one of Requests. */
export interface Cost {
  inputTokens: number;
  outputTokens: number;
}

/** Shared value: nothing was used, so all that was reserved is given back, the request too. */
export const REFUND = 'Refund';

/**
 * What was used in the end. `Refund` gives everything back. Absent figures stand as they were
 * reserved, so that what is not known is not given back.
 */
export type ActualCost = Partial<Cost> | typeof REFUND;

/** Leave to make one call or to serve one request. Whoever holds it settles it exactly once. */
export interface Permit {
  readonly kind: 'Permit';
  /** Itself. */
  readonly permit: Permit;
  /** The first token of a streamed answer has come: it is not slow, and a probe votes here. */
  firstToken(): void;
  /**
   * Shuts the gate of this call's credential for `ms` milliseconds; without `ms` until a call is
   * let through to see, after a time that doubles. To be called before `settle`.
   */
  shutGate(reason: GateReason, ms?: number): void;
  /** The call has ended. A second call does nothing but be counted. */
  settle(outcome: Outcome, actual?: ActualCost): void;
}

/** Answer that is final. */
export type Admission = Permit | { readonly kind: 'Rejection'; readonly rejection: Rejection };

/** A place in a bounded queue, granted or refused by itself at its deadline at the latest. */
export interface Waiting {
  readonly kind: 'Waiting';
  /** Resolves exactly once and never rejects; after `cancel` with a Rejection (Timeout). */
  readonly admission: Promise<Admission>;
  /** The caller goes away and gives its place up. Does nothing once there is an answer. */
  cancel(): void;
}

/** In place of the name of a header, none of which has a colon: who asks. */
export const PRINCIPAL = ':principal';

/** What is asked for. Times are on the guard's clock. */
export interface Asked {
  /** When the request as a whole ends: no queue is waited in for longer. */
  deadlineAt?: number;
  /** Value of a request header by its lower-case name, and the caller by PRINCIPAL, for limits by key. */
  header?: (name: string) => string | undefined;
  /** Estimate, reserved until the call or the request is settled. Absent: no tokens. */
  cost?: Cost;
}

/** A call to a dependency that is asked for. */
export interface AskedCall extends Asked {
  /** Whose gates apply. Absent: those of no credential. */
  credential?: Credential;
  /** Another dependency may serve it: instead of waiting it is refused, and that is not counted. */
  immediate?: boolean;
}

/** How a dependency would take a call. */
export interface Standing {
  /**
   * Usable: at once, as far as gate, circuit and concurrency go. Full: it would have to wait. Shut:
   * its gate or its circuit holds calls back.
   */
  state: 'Usable' | 'Full' | 'Shut';
  /** Calls under way, those that wait included. */
  calls: number;
}

/** A credential by its hash; never the secret itself. */
export interface Credential {
  hash: string;
  /** Mounted by the spec, rather than passed on from a caller. */
  mounted: boolean;
}
