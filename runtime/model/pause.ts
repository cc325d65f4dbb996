import type { Clock } from '../guard/clock.ts';
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

/** Waits until the time is over or the signal aborts. */
function pause(clock: Pick<Clock, 'setTimer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    // Timers drop fractions of a millisecond.
    const cancel = clock.setTimer(Math.ceil(ms) + 1, done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
