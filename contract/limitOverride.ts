import type { Limit } from './generated/types.ts';

/** When the override of the limit ends, in milliseconds since the epoch. -Infinity: it has none. */
function endOf({ override }: Limit): number {
  if (override === undefined) return -Infinity;
  return override.expiresAt === undefined ? Infinity : Date.parse(override.expiresAt);
}

/** The limit with the figures of its override while that lasts, and without override afterwards. */
export function limitAt(limit: Limit, epochMs: number): Limit {
  const { override, ...own } = limit;
  if (override === undefined) return limit;
  if (endOf(limit) <= epochMs) return own;
  return { ...limit, refill: override.refill, capacity: override.capacity };
}

/** When the next override ends, in milliseconds since the epoch. Infinity: none will. */
export function nextOverrideEnd(limits: readonly Limit[], epochMs: number): number {
  return Math.min(Infinity, ...limits.map(endOf).filter((end) => end > epochMs));
}
