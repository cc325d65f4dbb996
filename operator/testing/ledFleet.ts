import { Registry } from 'prom-client';
import type { FleetTerm } from '../fleet/fleetHost.ts';
import { createFleet, type Fleet, type FleetOptions } from '../reconcile/fleet.ts';

/** All services of a leader in term 1, until the signal aborts. Must be called before the links open. */
export function ledFleet(
  signal: AbortSignal,
  options: Pick<FleetOptions, 'links' | 'clock'> & Partial<FleetOptions>,
  term: Partial<FleetTerm> = {},
): Fleet {
  const fleet = createFleet({
    random: () => 0.5,
    registry: new Registry(),
    instance: 'operator-a',
    ...options,
  });
  fleet.lead({
    session: 'operator-a',
    leads: () => true,
    termOf: () => 1,
    agents: [],
    beforeMs: 0,
    onChange: () => undefined,
    ...term,
  });
  signal.addEventListener('abort', () => fleet.close());
  return fleet;
}
