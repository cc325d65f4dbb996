import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { AgentObservation } from './observations.ts';

/** The total load of all connected pods of an agent. */
export function loadOf({ pods }: AgentObservation): Pick<AgentDeploymentStatus, 'load'> {
  const loads = pods
    .filter(({ connected }) => connected)
    .flatMap(({ snapshot }) => snapshot?.load ?? []);
  if (loads.length === 0) return {};
  const sum = (of: (load: (typeof loads)[number]) => number): number =>
    loads.reduce((total, load) => total + of(load), 0);
  return {
    load: {
      inFlight: sum(({ inFlight }) => inFlight),
      queued: sum(({ queued }) => queued),
      capacity: sum(({ capacity }) => capacity),
    },
  };
}
