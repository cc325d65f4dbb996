import type { Bucket } from './bucket.ts';

export type BucketSetAdmission =
  | { readonly kind: 'Permit' }
  | {
      readonly kind: 'Rejection';
      /** Which bucket has to be waited for longest. */
      readonly index: number;
      readonly retryAfterMs: number;
    };

const GRANTED: BucketSetAdmission = { kind: 'Permit' };

/**
 * Takes `costs[i]` tokens from `buckets[i]`, from all of them or from none. A rejection names the
 * bucket with the longest wait, the first of equals.
 */
export function acquireAll(
  buckets: readonly Bucket[],
  costs: readonly number[],
  now: number,
): BucketSetAdmission {
  let index = -1;
  let retryAfterMs = 0;
  for (let i = 0; i < buckets.length; i += 1) {
    const wait = buckets[i]!.wait(costs[i]!, now);
    if (wait <= retryAfterMs) continue;
    index = i;
    retryAfterMs = wait;
  }
  if (index >= 0) return { kind: 'Rejection', index, retryAfterMs };
  for (let i = 0; i < buckets.length; i += 1) buckets[i]!.take(costs[i]!, now);
  return GRANTED;
}
