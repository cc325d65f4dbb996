import type { Load } from '../../contract/generated/types.ts';

export type TotalLoad = Pick<Load, 'inFlight' | 'queued' | 'capacity'>;

/** The load of several pods together; undefined if none reports its load. */
export function totalLoad(loads: readonly TotalLoad[]): TotalLoad | undefined {
  if (loads.length === 0) return undefined;
  const sum = (of: (load: TotalLoad) => number): number =>
    loads.reduce((total, load) => total + of(load), 0);
  return {
    inFlight: sum(({ inFlight }) => inFlight),
    queued: sum(({ queued }) => queued),
    capacity: sum(({ capacity }) => capacity),
  };
}
