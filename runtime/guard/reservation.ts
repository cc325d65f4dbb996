import { SHARED_ROW } from '../resilience/keyedBuckets.ts';
import { REFUND } from './admission.ts';
import type { Bucket } from '../resilience/bucket.ts';
import type { KeyedBuckets } from '../resilience/keyedBuckets.ts';
import type { ActualCost, Cost } from './admission.ts';

/** What a limit counts. */
export type Resource = 'Requests' | 'InputTokens' | 'OutputTokens' | 'TotalTokens';

/** What a provider says of its own limit. */
export interface Remaining {
  resource: Resource;
  /** What is left. */
  remaining: number;
  /** The most that there can be. */
  limit?: number;
  /** Time until it is full again, in milliseconds. */
  resetMs?: number;
}

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
  protected readonly bucket: Bucket | KeyedBuckets;
  private readonly resource: Resource;
  protected readonly reserved: number;

  constructor(
    bucket: Bucket | KeyedBuckets,
    resource: Resource,
    reserved: number,
    next: Reservation | undefined,
  ) {
    this.bucket = bucket;
    this.resource = resource;
    this.reserved = reserved;
    this.next = next;
  }

  settle(actual: ActualCost | undefined, now: number): void {
    this.bucket.settle(this.reserved, this.used(actual), now, SHARED_ROW);
  }

  /** What is not known stands as it was reserved. */
  protected used(actual: ActualCost | undefined): number {
    if (actual === undefined) return this.reserved;
    if (actual === REFUND) return 0;
    const { inputTokens, outputTokens } = actual;
    switch (this.resource) {
      case 'Requests':
        return this.reserved;
      case 'InputTokens':
        return inputTokens ?? this.reserved;
      case 'OutputTokens':
        return outputTokens ?? this.reserved;
      case 'TotalTokens':
        return this.usedInAll(inputTokens, outputTokens);
    }
  }

  private usedInAll(input: number | undefined, output: number | undefined): number {
    if (input !== undefined && output !== undefined) return input + output;
    return Math.max(input ?? output ?? 0, this.reserved);
  }
}

/** Tokens taken from one of many buckets by key. */
export class KeyedReservation extends Reservation {
  private readonly row: number;

  constructor(
    buckets: KeyedBuckets,
    resource: Resource,
    reserved: number,
    next: Reservation | undefined,
    row: number,
  ) {
    super(buckets, resource, reserved, next);
    this.row = row;
  }

  override settle(actual: ActualCost | undefined, now: number): void {
    this.bucket.settle(this.reserved, this.used(actual), now, this.row);
  }
}
