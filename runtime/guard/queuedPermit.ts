import type { Rejection } from '../errors/rejection.ts';
import type { Admission, Permit, Waiting } from './permit.ts';

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
  private readonly bounds: readonly Bound[];
  private readonly resolve: (admission: Admission) => void;
  private done = false;

  constructor(permit: Permit, bounds: readonly Bound[], index = 0) {
    const { promise, resolve } = Promise.withResolvers<Admission>();
    this.permit = permit;
    this.index = index;
    this.bounds = bounds;
    this.admission = promise;
    this.resolve = resolve;
  }

  /** The bound has admitted the permit and removed it from its queue. */
  proceed(now: number): void {
    const rejection = this.permit.recheck(now);
    if (rejection) {
      this.refuse(rejection, now);
      return;
    }
    const answer = acquireAll(this.permit, this.bounds, now, this.index + 1, this);
    if (answer.kind === 'Waiting') return;
    if (answer.kind === 'Permit') answer.granted(now);
    this.finish(answer);
  }

  /** The bound has rejected the permit and removed it from its queue. */
  refuse(rejection: Rejection, now: number): void {
    if (this.done) return;
    this.permit.giveUp(now);
    this.finish({ kind: 'Rejection', rejection });
  }

  /** Rejects the permit if a bound that it has passed would reject it now. */
  recheck(now: number): void {
    const rejection = this.permit.recheck(now);
    if (!rejection || this.done) return;
    this.leave(now);
    this.refuse(rejection, now);
  }

  cancel(): void {
    if (this.done) return;
    const now = this.permit.now();
    this.leave(now);
    this.refuse(CANCELLED, now);
  }

  private finish(admission: Admission): void {
    this.done = true;
    this.resolve(admission);
  }
}
