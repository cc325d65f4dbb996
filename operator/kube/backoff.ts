/**
 * Exponential backoff: the longest delay before the next attempt. Callers add jitter. With full jitter they wait for a
 * random part of it (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * @param attempt 0 for the first delay
 * @returns milliseconds: the smaller of maxMs and baseMs · 2^attempt
 */
export function backoff(attempt: number, bounds: { baseMs: number; maxMs: number }): number {
  return Math.min(bounds.maxMs, bounds.baseMs * 2 ** attempt);
}
