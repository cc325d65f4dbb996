import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import { reportedText } from './reported.ts';
import { MAX_REASON, type FleetOf, type PolicyCircuit } from './circuits.ts';
import type { AgentObservation } from './observations.ts';

/** Worst first. */
const STATES: readonly FleetCircuitStatus['state'][] = ['Open', 'Probing', 'Closing', 'Closed'];

/** The circuits of scope Fleet for the entries of a policy's status. */
export function fleetOf(agents: ReadonlyMap<string, AgentObservation>, policy: string): FleetOf {
  return ({ agent, dependency, model }) => {
    const all = agents.get(agent)?.fleetCircuits ?? [];
    const own = all.filter((each) => each.policy === policy && each.dependency === dependency);
    const worst = worstOf(own.filter((each) => model === undefined || each.model === model));
    return worst === undefined ? {} : { fleet: shown(worst) };
  };
}

/** Summary of a policy's circuits of scope Fleet. */
export interface FleetSummary {
  worst?: NonNullable<PolicyCircuit['fleet']>;
  /** The pod that probes, of the first circuit with such a pod. */
  probing?: string;
}

export function summarizeFleet(circuits: readonly PolicyCircuit[]): FleetSummary {
  return mergeFleets(
    circuits.flatMap(({ fleet }) =>
      fleet
        ? [{ worst: fleet, ...(fleet.probing !== undefined && { probing: fleet.probing }) }]
        : [],
    ),
  );
}

export function mergeFleets(parts: readonly FleetSummary[]): FleetSummary {
  const worst = worstOf(parts.flatMap((part) => part.worst ?? []));
  const probing = parts.find((part) => part.probing !== undefined)?.probing;
  return { ...(worst && { worst }), ...(probing !== undefined && { probing }) };
}

/** Columns of `kubectl get`. */
export function fleetColumns({ worst, probing }: FleetSummary): {
  fleet?: string;
  votes?: string;
  probing?: string;
} {
  if (worst === undefined) return {};
  const { state, votes } = worst;
  return { fleet: state, votes, ...(probing !== undefined && { probing }) };
}

function worstOf<T extends { state: FleetCircuitStatus['state'] }>(
  circuits: readonly T[],
): T | undefined {
  return circuits.toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))[0];
}

function shown(circuit: FleetCircuitStatus): NonNullable<PolicyCircuit['fleet']> {
  const { state, since, votes, prober, nextProbe, reason } = circuit;
  return {
    ...{ state, since, votes },
    ...(prober !== undefined && { probing: prober }),
    ...(nextProbe !== undefined && { nextProbe }),
    ...(reason !== undefined && { reason: reportedText(reason, MAX_REASON) }),
  };
}
