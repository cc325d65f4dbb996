import type { AttemptTimeouts } from './attempt/attemptWatch.ts';

/** Longest time for a request that asks for no message, such as a count of tokens or a list of models. */
export const PASS_THROUGH_MS = 10_000;

/** Longest time for a list of models: Claude Code gives up on one after 3 s. */
export const MODELS_MS = 2500;

/** The bounds on an attempt of such a request, which may take `longestMs`. */
export function passThroughTimeouts(
  timeouts: AttemptTimeouts,
  longestMs = PASS_THROUGH_MS,
): AttemptTimeouts {
  const { attemptMs: _, ...rest } = timeouts;
  return { ...rest, requestMs: Math.min(timeouts.requestMs, longestMs) };
}
