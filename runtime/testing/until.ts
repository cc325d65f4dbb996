import { setTimeout as delay } from 'node:timers/promises';

/** Resolves as soon as the condition holds; rejects when it does not within `ms`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition did not come to hold in time');
    await delay(5);
  }
}
