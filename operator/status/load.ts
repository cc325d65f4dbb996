import type { Load } from '../../contract/generated/types.ts';
import { sum } from './sum.ts';

export type TotalLoad = Pick<Load, 'inFlight' | 'queued' | 'capacity'>;

/** The load of several pods together; undefined if none reports its load. */
export function totalLoad(loads: readonly TotalLoad[]): TotalLoad | undefined {
  if (loads.length === 0) return undefined;
  return {
    inFlight: sum(loads, ({ inFlight }) => inFlight),
    queued: sum(loads, ({ queued }) => queued),
    capacity: sum(loads, ({ capacity }) => capacity),
  };
}
