import type { AttemptTimeouts } from './attempt/attemptWatch.ts';

/** Timeout of a request for no message, such as a count of tokens, in milliseconds. */
export const PASS_THROUGH_MS = 10_000;

/** Timeout of a list of models, in milliseconds: Claude Code gives up after 3 s. */
export const MODELS_MS = 2500;

/** Timeouts of an attempt that may take `longestMs`. */
export function passThroughTimeouts(
  timeouts: AttemptTimeouts,
  longestMs = PASS_THROUGH_MS,
): AttemptTimeouts {
  const { attemptMs: _, ...rest } = timeouts;
  return { ...rest, requestMs: Math.min(timeouts.requestMs, longestMs) };
}

/** Timeouts of an answer that is passed on unread: it has no tokens, and its headers may follow a long upload. */
export function unreadTimeouts(timeouts: AttemptTimeouts): AttemptTimeouts {
  const { firstTokenMs: _, ...rest } = timeouts;
  return rest;
}
