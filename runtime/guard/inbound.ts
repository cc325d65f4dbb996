import type { Content } from '../../contract/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import { ConcurrencyLimiter } from './concurrencyLimiter.ts';
import { UNBOUNDED } from './guardSpec.ts';
import { acquireAll, awaitAdmission, Permit } from './permit.ts';
import { RateLimits } from './rateLimits.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { ActualCost, Asked } from './admission.ts';
import type { GuardContext } from './guardContext.ts';
import type { BoundsSpec } from './guardSpec.ts';
import type { Admission, Bound, Issuer, Waiting } from './permit.ts';

/** Whether a limit of the agent itself counts tokens. Only then does a request need an estimate of them. */
export function limitsTokens({ limits }: Pick<Content, 'limits'>): boolean {
  return limits.some(({ target, resource }) => target === INBOUND && resource !== 'Requests');
}

/** Whether any limit counts tokens. Only then must a stream say how many it has. */
export function countsTokens({ limits }: Pick<Content, 'limits'>): boolean {
  return limits.some(({ resource }) => resource !== 'Requests');
}

/** Admits requests. */
export interface Admitting {
  acquire(asked: Asked): Admission | Waiting;
  /** The place in the bulkhead of a request that was admitted; undefined if it has none. */
  placeOf(permit: Permit, deadlineAt: number): InboundPlace | undefined;
}

/** Bounds the requests of the agent's API: rate limits, then concurrency. */
export class Inbound implements Issuer, Admitting {
  readonly context: GuardContext;
  readonly rateLimits: RateLimits;
  readonly concurrency: ConcurrencyLimiter;
  /** Admits requests by the rate limits alone: they take no place in the bulkhead. */
  readonly limitsAlone: Admitting = {
    acquire: (asked) => this.#acquire(asked, [this.rateLimits]),
    placeOf: () => undefined,
  };
  readonly #bounds: readonly Bound[];

  constructor(context: GuardContext) {
    this.context = context;
    this.rateLimits = new RateLimits(INBOUND, context);
    this.concurrency = new ConcurrencyLimiter(INBOUND, UNBOUNDED.concurrency, context);
    this.#bounds = [this.rateLimits, this.concurrency];
  }

  apply({ concurrency, limits }: BoundsSpec, now: number): void {
    this.concurrency.apply(concurrency);
    this.rateLimits.apply(limits, concurrency.maxQueued, now);
    this.advance(now);
  }

  /** Asks to serve a request. Only a request with `asked` waits. */
  acquire(): Admission;
  acquire(asked: Asked): Admission | Waiting;
  acquire(asked?: Asked): Admission | Waiting {
    return this.#acquire(asked, this.#bounds);
  }

  /** The place in the bulkhead of a request that was admitted. */
  placeOf(permit: Permit, deadlineAt: number): InboundPlace {
    return new InboundPlace(this, permit, deadlineAt);
  }

  /** Takes a place in the bulkhead alone, for a request that the limits have admitted. */
  acquirePlace(asked: Asked): Admission | Waiting {
    return this.#acquire(asked, [this.concurrency]);
  }

  /** Gives up the permit's place in the bulkhead; its reservations stay. */
  releasePlace(permit: Permit): void {
    if (!permit.inBulkhead) return;
    permit.inBulkhead = false;
    this.concurrency.release(this.context.now());
  }

  advance(now: number): void {
    this.concurrency.advance(now);
    this.rateLimits.advance(now);
  }

  settle(permit: Permit, _outcome: Outcome, actual: ActualCost | undefined, now: number): void {
    this.rateLimits.settle(permit.reservation, actual, now);
    this.concurrency.end(permit, now);
  }

  firstToken(): void {
    // No bound of requests depends on it.
  }

  lasted(): void {
    // No bound of requests depends on it.
  }

  /** Clients of the agent have no gate. */
  refused(): number {
    return 0;
  }

  recheck(): undefined {
    return undefined;
  }

  #acquire(asked: Asked | undefined, bounds: readonly Bound[]): Admission | Waiting {
    const now = this.context.now();
    return acquireAll(new Permit(this, asked, undefined, 0, now), bounds, now);
  }
}

/** The place of one request in the agent's bulkhead. The request gives it up while it waits. */
export class InboundPlace {
  readonly #inbound: Pick<Inbound, 'releasePlace' | 'acquirePlace'>;
  /** Permit of the place; undefined without one. */
  #permit: Permit | undefined;
  /** Bounds the wait for another place. */
  readonly #deadlineAt: number;
  #closed = false;

  constructor(
    inbound: Pick<Inbound, 'releasePlace' | 'acquirePlace'>,
    permit: Permit,
    deadlineAt: number,
  ) {
    this.#inbound = inbound;
    this.#permit = permit;
    this.#deadlineAt = deadlineAt;
  }

  leave(): void {
    if (this.#permit) this.#inbound.releasePlace(this.#permit);
    this.#permit = undefined;
  }

  /** Takes a place again and may wait for it. False if there is none. */
  async enter(signal: AbortSignal): Promise<boolean> {
    if (this.#closed || this.#permit) return true;
    const deadlineAt = this.#deadlineAt;
    const admission = await awaitAdmission(this.#inbound.acquirePlace({ deadlineAt }), signal);
    if (admission.kind === 'Rejection') return false;
    this.#permit = admission.permit;
    // A shared call can outlive this request.
    if (this.#closed) this.leave();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.leave();
  }
}
