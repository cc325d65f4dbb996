import type { CircuitStatus } from '../../contract/generated/types.ts';

/**
 * What of a circuit's part in the fleet is worth a report. While nothing fails, the number of calls
 * counts only by its order of magnitude, so that healthy traffic is not told each second; who asks for
 * calls counts while the fleet is open, and times never do.
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
