/**
 * Exponential backoff with full jitter: a random delay between 0 and min(max, base · 2^attempt).
 * Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * @param attempt 0 for the first delay
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function fullJitter(
  attempt: number,
  bounds: { baseMs: number; maxMs: number },
  random: number,
): number {
  return random * Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(attempt, 40));
}
