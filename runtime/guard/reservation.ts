import { REFUND } from './admission.ts';
import type { Bucket } from '../resilience/bucket.ts';
import type { ActualCost, Cost } from './admission.ts';

/** What a limit counts. */
export type Resource = 'Requests' | 'InputTokens' | 'OutputTokens' | 'TotalTokens';

/** What a call or a request costs of a resource, in whole units. */
export function costOf(resource: Resource, cost: Cost | undefined): number {
  if (resource === 'Requests') return 1;
  if (cost === undefined) return 0;
  if (resource === 'InputTokens') return cost.inputTokens;
  if (resource === 'OutputTokens') return cost.outputTokens;
  return cost.inputTokens + cost.outputTokens;
}

/** Tokens taken from one bucket, and a link to those from the next: most calls have just one. */
export class Reservation {
  readonly next: Reservation | undefined;
  private readonly bucket: Bucket;
  private readonly resource: Resource;
  private readonly reserved: number;

  constructor(bucket: Bucket, resource: Resource, reserved: number, next: Reservation | undefined) {
    this.bucket = bucket;
    this.resource = resource;
    this.reserved = reserved;
    this.next = next;
  }

  settle(actual: ActualCost | undefined, now: number): void {
    this.bucket.settle(this.reserved, this.used(actual), now);
  }

  /** What is not known stands as it was reserved. */
  private used(actual: ActualCost | undefined): number {
    const { resource, reserved } = this;
    if (actual === undefined) return reserved;
    if (actual === REFUND) return 0;
    if (resource === 'Requests') return reserved;
    const { inputTokens, outputTokens } = actual;
    if (resource === 'InputTokens') return inputTokens ?? reserved;
    if (resource === 'OutputTokens') return outputTokens ?? reserved;
    const known = (inputTokens ?? 0) + (outputTokens ?? 0);
    const whole = inputTokens !== undefined && outputTokens !== undefined;
    return whole ? known : Math.max(known, reserved);
  }
}
