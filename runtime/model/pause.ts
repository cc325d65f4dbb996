import { addAbortListener } from 'node:events';
import type { Rejection } from '../errors/rejection.ts';
import type { Clock } from '../guard/clock.ts';
import type { Granted, NoEndpoint, Refused, Route } from './pool/route.ts';
import type { ModelRequest } from './request.ts';

/** Gives up the request's place in the bulkhead while it waits. False if it gets none again. */
export async function waitOutside(
  { place, signal }: Pick<ModelRequest, 'place' | 'signal'>,
  clock: Pick<Clock, 'setTimer'>,
  ms: number,
): Promise<boolean> {
  place?.leave();
  await pause(clock, ms, signal);
  return place === undefined || (await place.enter(signal));
}

/** Waits for an exchange as for a time. */
export async function waitForExchange(
  exchange: Promise<void>,
  { place, signal, deadlineAt }: Pick<ModelRequest, 'place' | 'signal' | 'deadlineAt'>,
  clock: Pick<Clock, 'setTimer' | 'now'>,
): Promise<boolean> {
  place?.leave();
  const ended = new AbortController();
  void exchange.then(() => ended.abort());
  await pause(clock, deadlineAt - clock.now(), AbortSignal.any([signal, ended.signal]));
  return place === undefined || (await place.enter(signal));
}

/** Waits until the time is over or the signal aborts. */
function pause(clock: Pick<Clock, 'setTimer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      aborts[Symbol.dispose]();
      resolve();
    };
    // Timers drop fractions of a millisecond.
    const cancel = clock.setTimer(Math.ceil(ms) + 1, done);
    const aborts = addAbortListener(signal, done);
  });
}

/**
 * Takes a turn of the agent through a shut gate. Here the runtime is the client: it waits as a client of v1/messages
 * would, for a provider's gate that opens within retry.maxRetryAfter, and no longer than that in total.
 */
export async function waitForGates(
  answer: Granted | Refused | NoEndpoint,
  { request, route, clock }: { request: ModelRequest; route: Route; clock: Clock },
): Promise<Granted | Refused | NoEndpoint> {
  const { content, deadlineAt, signal } = request;
  const until = Math.min(deadlineAt, clock.now() + content.maxRetryAfterMs);
  let last = answer;
  while (last.kind === 'Refused' && isGate(last.rejection) && !signal.aborted) {
    const { retryAfterMs } = last.rejection;
    if (clock.now() + retryAfterMs > until) return last;
    const waited = waitOutside(request, clock, retryAfterMs);
    if (!(await (request.chat?.waits(last.dependency, waited) ?? waited))) return last;
    if (!signal.aborted) last = await route.first();
  }
  return last;
}

/** Whether the provider limits the rate, not a policy. Other gates open only after somebody acts. */
function isGate({ reason, limit }: Rejection): boolean {
  return reason === 'RateLimited' && limit === undefined;
}
