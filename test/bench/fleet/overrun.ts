/** A request that was admitted at some time between `sent` and `answered`, in milliseconds. */
export interface Admitted {
  sent: number;
  answered: number;
}

/**
 * The most requests beyond capacity + rate × time over any window, of those sent and answered within the window. Does
 * not count a request that may have been admitted outside the window. Whole requests.
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

/** Smaller than any fraction of a request that matters. */
const ROUNDING = 1e-6;
