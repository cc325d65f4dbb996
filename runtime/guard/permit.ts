import { addAbortListener } from 'node:events';
import { IGNORED } from '../resilience/outcome.ts';
import { REFUND } from './admission.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { ActualCost, AskedCall, Remaining } from './admission.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GuardContext } from './guardContext.ts';
import type { ModelState } from './models.ts';
import type { OpenCall } from './openCalls.ts';
import type { ProviderLimits } from './providerLimits.ts';
import type { Reservation } from './rateLimit.ts';

/**
 * A streamed answer that flows for this long, without a pause as long, makes a half-open probe a
 * success before its end, in milliseconds.
 */
export const LASTING_MS = 10_000;

/** A final answer. */
export type Admission = Permit | { readonly kind: 'Rejection'; readonly rejection: Rejection };

/** A place in a bounded queue. At its deadline at the latest it becomes an Admission. */
export interface Waiting {
  readonly kind: 'Waiting';
  /** Resolves exactly once and never rejects; after `cancel` with a Rejection (Timeout). */
  readonly admission: Promise<Admission>;
  /** Gives up the place. Does nothing once `admission` is resolved. */
  cancel(): void;
}

/** Why the provider refused a call. */
export interface PermitRefusal {
  reason: GateReason;
  /** Stated time to wait, in milliseconds. */
  ms: number | undefined;
  /** What the refusal states of the provider's limits. */
  stated: readonly Remaining[];
}

/** What issued a permit, and takes back what it holds: a dependency, or the agent's own API. */
export interface Issuer {
  readonly context: GuardContext;
  firstToken(permit: Permit, now: number): void;
  /** The answer has flowed for LASTING_MS. */
  lasted(permit: Permit, now: number): void;
  refused(permit: Permit, refusal: PermitRefusal, now: number): number;
  settle(permit: Permit, outcome: Outcome, actual: ActualCost | undefined, now: number): void;
  /** Why a permit that waited would be rejected now. */
  recheck(permit: Permit, now: number): Rejection | undefined;
}

/** Times of a streamed answer. */
interface Flow {
  readonly firstTokenAt: number;
  /** When more of it last came, and since when it flows without a long pause. */
  lastAt: number;
  since: number;
}

/** Permission for one call, or to serve one request. Its holder settles it exactly once. */
export class Permit implements OpenCall {
  readonly asked: AskedCall | undefined;
  /**
   * The state that admitted the call, in whose circuit it votes; undefined for requests, and once
   * the circuit has rejected a waiting call.
   */
  state: ModelState | undefined;
  /** Generation of the circuit that the call votes in. */
  generation: number;
  /** Whether it counts in the bulkhead. */
  inBulkhead: boolean;
  /** Tokens taken from the first limit; linked to those of the next. */
  reservation: Reservation | undefined;
  /** The provider's limits from which it took. */
  stated: ProviderLimits | undefined;
  before: OpenCall | undefined;
  after: OpenCall | undefined;
  /** Whether the credential was refused. A refusal can be a good answer otherwise, as of a tool. */
  isRefused: boolean;
  readonly #issuer: Issuer;
  /** When the call was granted, on the guard's clock. */
  grantedAt: number;
  /** Set at the first token of a streamed answer. */
  #flow: Flow | undefined;
  #settled: boolean;

  constructor(
    issuer: Issuer,
    asked: AskedCall | undefined,
    state: ModelState | undefined,
    generation: number,
    now: number,
  ) {
    this.#issuer = issuer;
    this.asked = asked;
    this.state = state;
    this.generation = generation;
    this.grantedAt = now;
    this.inBulkhead = false;
    this.reservation = undefined;
    this.stated = undefined;
    this.before = undefined;
    this.after = undefined;
    this.isRefused = false;
    this.#flow = undefined;
    this.#settled = false;
  }

  /** Not a field, because each call makes a permit. */
  get kind(): 'Permit' {
    return 'Permit';
  }

  /** Itself, so that an Admission can be taken apart. */
  get permit(): this {
    return this;
  }

  /** Whether the call is rejected, uncounted, where it would have to wait. */
  get immediate(): boolean {
    return this.asked?.immediate === true;
  }

  /** Whether the first token of a streamed answer has come. */
  get streamed(): boolean {
    return this.#flow !== undefined;
  }

  /** It is granted, perhaps after it waited. The wait is no time of the dependency. */
  granted(now: number): void {
    this.grantedAt = now;
    if (this.asked?.votes !== false) this.state?.open.begin(this);
  }

  /** Time from the grant to the first token of a streamed answer, else to now, in milliseconds. */
  durationMs(now: number): number {
    return (this.#flow?.firstTokenAt ?? now) - this.grantedAt;
  }

  /** The first token of a streamed answer has come. A half-open probe lets the next one begin. */
  firstToken(): void {
    if (this.#settled || this.#flow !== undefined) return;
    const now = this.#issuer.context.now();
    this.#flow = { firstTokenAt: now, lastAt: now, since: now };
    this.#issuer.firstToken(this, now);
  }

  /** More of a streamed answer has come. Before the first token it says nothing. */
  flows(): void {
    const flow = this.#flow;
    if (this.#settled || flow === undefined) return;
    const now = this.#issuer.context.now();
    if (now - flow.lastAt >= LASTING_MS) flow.since = now;
    flow.lastAt = now;
    if (now - flow.since < LASTING_MS) return;
    flow.since = now;
    this.#issuer.lasted(this, now);
  }

  /**
   * The provider refused the call for its credential, and asks to wait for `ms` milliseconds, if at all. Call it before
   * `settle`. Returns the time until the gate of the credential admits a call; 0 if the refusal does not shut it.
   */
  refused(reason: GateReason, ms?: number, stated: readonly Remaining[] = []): number {
    this.isRefused = true;
    return this.#issuer.refused(this, { reason, ms, stated }, this.#issuer.context.now());
  }

  /** The call has ended. A second call only counts as a fault. */
  settle(outcome: Outcome, actual?: ActualCost): void {
    const { context } = this.#issuer;
    if (this.#settled) {
      context.settledTwice += 1;
      return;
    }
    this.#settled = true;
    this.#issuer.settle(this, outcome, actual, context.now());
  }

  /** Gives back all that it holds, because the call is not made. */
  giveUp(now: number): void {
    this.#settled = true;
    this.#issuer.settle(this, IGNORED, REFUND, now);
  }

  /** Why the call would be rejected now, after it waited. */
  recheck(now: number): Rejection | undefined {
    return this.#issuer.recheck(this, now);
  }

  /** Milliseconds on the guard's clock. */
  now(): number {
    return this.#issuer.context.now();
  }
}

/** One of the bounds that a permit passes in turn. */
export interface Bound {
  /** Admits the permit, rejects it, or says that it has to wait. */
  acquire(permit: Permit, now: number): Rejection | 'Wait' | undefined;
  /** Queues a permit that has to wait, or rejects it if the queue is full. */
  enqueue(queued: QueuedPermit, now: number): Rejection | undefined;
}

/** Index of a permit that waits for its circuit, before all bounds. */
export const BEFORE_BOUNDS = -1;

/** For a caller that gave up its place and does not read the answer. */
const CANCELLED: Rejection = { reason: 'Timeout', target: '', retryAfterMs: 0 };

/**
 * Takes a permit through the bounds, beginning with index `from`. `queued` is the place of a permit
 * that has already waited. A rejected permit gives back what it holds.
 */
export function acquireAll(
  permit: Permit,
  bounds: readonly Bound[],
  now: number,
  from = 0,
  queued?: QueuedPermit,
): Admission | Waiting {
  for (let i = from; i < bounds.length; i += 1) {
    const answer = bounds[i]!.acquire(permit, now);
    if (answer === undefined) continue;
    if (answer !== 'Wait') return reject(permit, answer, now);
    const place = queued ?? new QueuedPermit(permit, bounds);
    place.index = i;
    const rejection = bounds[i]!.enqueue(place, now);
    return rejection === undefined ? place : reject(permit, rejection, now);
  }
  permit.granted(now);
  return permit;
}

function reject(permit: Permit, rejection: Rejection, now: number): Admission {
  permit.giveUp(now);
  return { kind: 'Rejection', rejection };
}

/** A permit that waits in the queue of one of its bounds. */
export class QueuedPermit implements Waiting {
  readonly kind = 'Waiting';
  readonly admission: Promise<Admission>;
  readonly permit: Permit;
  /** Index of the bound that it waits for, or BEFORE_BOUNDS. */
  index: number;
  /** Leaves the queue; the bound sets it. */
  leave: (now: number) => void = () => undefined;
  readonly #bounds: readonly Bound[];
  readonly #resolve: (admission: Admission) => void;
  #done = false;

  constructor(permit: Permit, bounds: readonly Bound[], index = 0) {
    const { promise, resolve } = Promise.withResolvers<Admission>();
    this.permit = permit;
    this.index = index;
    this.#bounds = bounds;
    this.admission = promise;
    this.#resolve = resolve;
  }

  /** The bound has admitted the permit and removed it from its queue. */
  proceed(now: number): void {
    const rejection = this.permit.recheck(now);
    if (rejection) {
      this.refuse(rejection, now);
      return;
    }
    const answer = acquireAll(this.permit, this.#bounds, now, this.index + 1, this);
    if (answer.kind === 'Waiting') return;
    this.#finish(answer);
  }

  /** The bound has rejected the permit and removed it from its queue. */
  refuse(rejection: Rejection, now: number): void {
    if (this.#done) return;
    this.permit.giveUp(now);
    this.#finish({ kind: 'Rejection', rejection });
  }

  /** Rejects the permit if a bound that it has passed would reject it now. */
  recheck(now: number): void {
    const rejection = this.permit.recheck(now);
    if (!rejection || this.#done) return;
    this.leave(now);
    this.refuse(rejection, now);
  }

  cancel(): void {
    if (this.#done) return;
    const now = this.permit.now();
    this.leave(now);
    this.refuse(CANCELLED, now);
  }

  #finish(admission: Admission): void {
    this.#done = true;
    this.#resolve(admission);
  }
}

/** Waits for the final answer. Gives up the place in the queue when the signal aborts. */
export async function awaitAdmission(
  answer: Admission | Waiting,
  signal: AbortSignal,
): Promise<Admission> {
  if (answer.kind !== 'Waiting') return answer;
  using _ = addAbortListener(signal, () => answer.cancel());
  return await answer.admission;
}
