import type { Clock } from '../guard/clock.ts';
import type { ModelRequest } from './request.ts';

/** Waits without the request's place in the bulkhead. False when the request gets none again. */
export async function waitOutside(
  { place, signal }: Pick<ModelRequest, 'place' | 'signal'>,
  clock: Pick<Clock, 'setTimer'>,
  ms: number,
): Promise<boolean> {
  place?.leave();
  await pause(clock, ms, signal);
  return place === undefined || (await place.enter(signal));
}

/** Waits, or shorter if the signal is aborted. */
function pause(clock: Pick<Clock, 'setTimer'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    // One more, because timers drop the fraction of a millisecond.
    const cancel = clock.setTimer(Math.ceil(ms) + 1, done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
