import type { CircuitStatus } from '../../contract/generated/types.ts';

/**
 * The part of a circuit's fleet state whose change is worth a report. While nothing fails, the number of calls counts
 * only by its order of magnitude, so that healthy traffic causes no report each second. Requests for probes count
 * while the fleet is open; times never count.
 */
export function fleetNews(fleet: CircuitStatus['fleet']): readonly unknown[] {
  if (fleet === undefined) return [];
  const { calls, failed, timed, slow, failuresInARow, active, asked, number, order, probe } = fleet;
  const quiet = failed + slow + failuresInARow === 0 && order === undefined;
  const counts = quiet ? [magnitude(calls), magnitude(timed)] : [calls, failed, timed, slow];
  const { state, closing } = order ?? {};
  const orders = order && [state, closing, magnitude(asked)];
  return [counts, failuresInARow, active, number, orders, probe];
}

const magnitude = (count: number): number => Math.ceil(Math.log2(count + 1));
