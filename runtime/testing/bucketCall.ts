import type { Bucket } from '../resilience/bucket.ts';

/** For tests: takes `cost` tokens if they are there, else says how long to wait. */
export function acquire(
  bucket: Bucket,
  cost: number,
  now: number,
): { kind: 'Permit'; reserved: number } | { kind: 'Rejection'; retryAfterMs: number } {
  const retryAfterMs = bucket.wait(cost, now);
  if (retryAfterMs > 0) return { kind: 'Rejection', retryAfterMs };
  return { kind: 'Permit', reserved: bucket.take(cost, now) };
}
