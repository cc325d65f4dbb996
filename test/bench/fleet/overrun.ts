/** A request that was admitted at some time between these two, in milliseconds. */
export interface Admitted {
  sent: number;
  answered: number;
}

/**
 * The most requests beyond capacity + rate × time over any window, of those that were sent and answered within it. It
 * never counts a request that may have been admitted outside the window. Whole requests.
 */
export function fleetOverrun(
  all: readonly Admitted[],
  { perMs, capacity }: { perMs: number; capacity: number },
): number {
  const byAnswer = all.toSorted((a, b) => a.answered - b.answered);
  let worst = 0;
  for (const { sent: from } of all) {
    let count = 0;
    for (const { sent, answered } of byAnswer) {
      if (sent < from) continue;
      count += 1;
      worst = Math.max(worst, count - capacity - perMs * (answered - from));
    }
  }
  return Math.ceil(worst - ROUNDING);
}

/** Less than any share of a request that matters. */
const ROUNDING = 1e-6;
