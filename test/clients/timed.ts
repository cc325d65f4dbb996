import { APICallError, RetryError } from 'ai';
import pLimit from 'p-limit';
import type { Outcome } from './call.ts';

/** Time after which the program gives up. The SDK's own timeout covers each request only up to its headers. */
const GIVE_UP_MS = 8000;

/** Calls of one SDK at the same time. More would mostly wait for each other. */
const AT_ONCE = 12;

/** Makes calls by `ask`, a few at a time, and times them. `ApiError`: what the SDK throws for an answer with an error. */
export function limited<C>(
  ask: (call: C, signal: AbortSignal) => Promise<NonNullable<Outcome['taken']>>,
  ApiError: abstract new (...args: never[]) => { status?: unknown },
): (call: C) => Promise<Outcome> {
  const limit = pLimit(AT_ONCE);
  const failed = (error: unknown): NonNullable<Outcome['error']> => {
    if (RetryError.isInstance(error)) return failed(error.lastError);
    const { name, message } = error as Error;
    const status = APICallError.isInstance(error)
      ? error.statusCode
      : error instanceof ApiError
        ? (error.status as number | undefined)
        : undefined;
    return { name, message, ...(status !== undefined && { status }) };
  };
  return (call) =>
    limit(async () => {
      const began = performance.now();
      const ended = await ask(call, AbortSignal.timeout(GIVE_UP_MS)).then(
        (taken): Omit<Outcome, 'seconds'> => ({ taken }),
        (error: unknown) => ({ error: failed(error) }),
      );
      return { ...ended, seconds: (performance.now() - began) / 1000 };
    });
}
