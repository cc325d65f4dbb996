import { awaitAdmission } from './awaitAdmission.ts';
import type { Inbound } from './inbound.ts';
import type { Permit } from './permit.ts';

/** The place of one request in the bulkhead of the agent's API. The request gives it up while it only waits. */
export class InboundPlace {
  private readonly inbound: Pick<Inbound, 'leave' | 'acquirePlace'>;
  /** What holds the place; undefined while there is none. */
  private permit: Permit | undefined;
  /** Bounds the wait for another place. */
  private readonly deadlineAt: number;
  private closed = false;

  constructor(
    inbound: Pick<Inbound, 'leave' | 'acquirePlace'>,
    permit: Permit,
    deadlineAt: number,
  ) {
    this.inbound = inbound;
    this.permit = permit;
    this.deadlineAt = deadlineAt;
  }

  leave(): void {
    if (this.permit) this.inbound.leave(this.permit);
    this.permit = undefined;
  }

  /** Takes a place again, perhaps after a wait for one. False when there is none to be had. */
  async enter(signal: AbortSignal): Promise<boolean> {
    if (this.closed || this.permit) return true;
    const { deadlineAt } = this;
    const admission = await awaitAdmission(this.inbound.acquirePlace({ deadlineAt }), signal);
    if (admission.kind === 'Rejection') return false;
    this.permit = admission.permit;
    // A call that several requests share can outlive this one.
    if (this.closed) this.leave();
    return true;
  }

  /** The request has ended. */
  close(): void {
    this.closed = true;
    this.leave();
  }
}
