import type { Load } from '../../contract/generated/types.ts';
import type { Availability } from './admission.ts';
import type { BulkheadStats } from './stats.ts';

/** The load of a pod as far as the guard knows it. */
export type GuardLoad = Pick<Load, 'inFlight' | 'queued' | 'capacity' | 'accepts'>;

/** An endpoint of the model. */
export interface EndpointLoad {
  /** Undefined without a bound. */
  bulkhead: BulkheadStats | undefined;
  state: Availability['state'] | undefined;
}

/** Undefined where nothing bounds the requests. */
export function loadOf(
  inbound: BulkheadStats | undefined,
  endpoints: readonly EndpointLoad[],
): GuardLoad | undefined {
  if (inbound === undefined) return undefined;
  const { active, maxConcurrent } = inbound;
  const room = endpoints.reduce((sum, each) => sum + (each.bulkhead?.maxConcurrent ?? Infinity), 0);
  const waiting = endpoints.reduce((sum, each) => sum + (each.bulkhead?.queued ?? 0), 0);
  return {
    inFlight: active,
    queued: inbound.queued + waiting,
    capacity: endpoints.length === 0 ? 0 : Math.min(maxConcurrent, room),
    accepts: endpoints.some(({ state }) => state !== undefined && state !== 'Shut'),
  };
}
