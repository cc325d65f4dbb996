import type { AttemptTimeouts } from './attempt/attemptWatch.ts';

/** Longest time for a request that asks for no message, such as a count of tokens or a list of models. */
export const PASS_THROUGH_MS = 10_000;

/** The bounds on an attempt of such a request. */
export function passThroughTimeouts(timeouts: AttemptTimeouts): AttemptTimeouts {
  const { attemptMs: _, ...rest } = timeouts;
  return { ...rest, requestMs: Math.min(timeouts.requestMs, PASS_THROUGH_MS) };
}
