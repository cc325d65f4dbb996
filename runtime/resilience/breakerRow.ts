import { countGood, TRIP_CELLS } from './trip.ts';

// Columns of a breaker: what the calls of a closed circuit touch.
/** 1 while every call is let through: closed, and neither override nor ramp-up has a say. */
export const LETS_ALL = 0;
export const GENERATION = 1;
/** Calls granted in this generation that have not ended: probes, when half-open. */
export const IN_FLIGHT = 2;
/** Where those of its rules begin. */
export const TRIP = 3;
/** Numbers of a breaker in a row. */
export const BREAKER_CELLS = TRIP + TRIP_CELLS;

/** Whether `Breaker.enter` lets every call through. */
export function letsAll(cells: Float64Array, at: number): boolean {
  return cells[at + LETS_ALL] === 1;
}

/** Lets a call through; answers the generation to record it in. */
export function letIn(cells: Float64Array, at: number): number {
  cells[at + IN_FLIGHT]! += 1;
  return cells[at + GENERATION]!;
}

/**
 * Does what `Breaker.record` does for a call that went well, if it is only to be counted; false, and
 * nothing is changed, for others.
 */
export function recordGood(
  cells: Float64Array,
  at: number,
  generation: number,
  ms: number,
  now: number,
): boolean {
  if (!letsAll(cells, at) || cells[at + GENERATION] !== generation) return false;
  if (!countGood(cells, at + TRIP, ms, now)) return false;
  cells[at + IN_FLIGHT]! -= 1;
  return true;
}
