import type { Bucket } from '../resilience/bucket.ts';

/** Takes `cost` tokens if the bucket has them. Otherwise returns the wait in milliseconds. */
export function acquire(
  bucket: Bucket,
  cost: number,
  now: number,
): { kind: 'Permit'; reserved: number } | { kind: 'Rejection'; retryAfterMs: number } {
  const retryAfterMs = bucket.wait(cost, now);
  if (retryAfterMs > 0) return { kind: 'Rejection', retryAfterMs };
  return { kind: 'Permit', reserved: bucket.take(cost, now) };
}
