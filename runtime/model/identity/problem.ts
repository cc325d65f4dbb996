/**
 * Why there are no credentials, for people: it says what to change. It holds nothing that a cloud wrote, because clouds
 * name accounts and roles.
 */
export class IdentityProblem extends Error {
  override readonly name = 'IdentityProblem';
}

/** A larger difference of clocks stands in messages, in milliseconds. AWS refuses one of 5 minutes. */
const LARGE_DIFFERENCE_MS = 2 * 60 * 1000;

/** What to say of clocks that differ; undefined for a small difference. */
export function clockAdvice(aheadMs: number): string | undefined {
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  if (Math.abs(aheadMs) < LARGE_DIFFERENCE_MS) return undefined;
  const direction = aheadMs > 0 ? 'behind' : 'ahead of';
  return `The clock of the pod's node is ${minutes} minutes ${direction} that of the cloud: set it right.`;
}
