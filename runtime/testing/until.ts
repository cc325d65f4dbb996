import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when the condition holds. Rejects if it does not within `ms`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms = 60_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition did not come to hold in time');
    await delay(5);
  }
}

/** Resolves when a count that has begun to grow stands still, as what is written to somebody who does not read. */
export async function untilStill(count: () => number, ms = 60_000): Promise<void> {
  let before = -1;
  let still = 0;
  await until(() => {
    still = count() > 0 && count() === before ? still + 1 : 0;
    before = count();
    return still > 50;
  }, ms);
}
