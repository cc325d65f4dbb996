import type { CircuitStatus } from '../../contract/generated/types.ts';
import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import type { Section } from '../desired/policies/attachment.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { earliest, latest, reportedText, reportedTime } from './reported.ts';

export type CircuitState = CircuitStatus['state'];
/** Unknown when nothing reports. */
export type WorstState = CircuitState | 'Unknown';
export type PolicyCircuit = NonNullable<CircuitBreakerPolicyStatus['circuits']>[number];

export const MAX_REASON = 256;
const MAX_CLASS = 64;

const SEVERITY: Record<WorstState, number> = { Unknown: 0, Closed: 1, HalfOpen: 2, Open: 3 };

/** One circuit in one pod; without `circuit` the pod does not report it. */
export interface PodCircuit {
  agent: string;
  dependency: string;
  pod: PodObservation;
  circuit?: CircuitStatus;
}

/** Pods that count: those that are not on their way out. */
export function livePods(observation: AgentObservation | undefined): PodObservation[] {
  return (observation?.pods ?? []).filter(({ terminating }) => !terminating);
}

/** The circuit of each section in each live pod of its agent; with `policy`, only where it is under that policy. */
export function podCircuits(
  sections: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
  policy?: string,
): PodCircuit[] {
  return sections.flatMap(({ agent, section: dependency }) =>
    livePods(agents.get(agent)).map((pod) => {
      const circuit = reportedCircuit(pod, dependency);
      const counts = circuit !== undefined && (policy === undefined || circuit.policy === policy);
      return { agent, dependency, pod, ...(counts && { circuit }) };
    }),
  );
}

function reportedCircuit(pod: PodObservation, dependency: string): CircuitStatus | undefined {
  if (!pod.connected) return undefined;
  return pod.snapshot?.circuits.find((circuit) => circuit.dependency === dependency);
}

/** Open before HalfOpen before Closed; Unknown when there is none of them. */
export function worstState(seen: readonly PodCircuit[]): WorstState {
  return seen.reduce<WorstState>((worst, { circuit }) => {
    const state = circuit?.state ?? 'Unknown';
    return severity(state) > severity(worst) ? state : worst;
  }, 'Unknown');
}

export function severity(state: WorstState): number {
  return SEVERITY[state];
}

/** The circuits among them that are in that state. */
export function inState(seen: readonly PodCircuit[], state: WorstState): PodCircuit[] {
  return seen.filter(({ circuit }) => (circuit?.state ?? 'Unknown') === state);
}

/** Pods by the worst state of each pod; every pod is in exactly one of the four. */
export function podsByState(seen: readonly PodCircuit[]): Record<WorstState, number> {
  const counts: Record<WorstState, number> = { Unknown: 0, Closed: 0, HalfOpen: 0, Open: 0 };
  for (const ofPod of Map.groupBy(seen, ({ pod }) => pod.uid).values()) counts[worstState(ofPod)]++;
  return counts;
}

/** One entry for each agent and dependency, in the order of `seen`. */
export function circuitsOf(seen: readonly PodCircuit[]): PolicyCircuit[] {
  const byDependency = Map.groupBy(seen, ({ agent, dependency }) => `${agent}/${dependency}`);
  return [...byDependency.values()].map(circuitOf);
}

function circuitOf(seen: readonly PodCircuit[]): PolicyCircuit {
  const { agent, dependency } = seen[0]!;
  const state = worstState(seen);
  const worst = inState(seen, state);
  const since = earliest(worst.map(({ circuit }) => reportedTime(circuit?.since)));
  const nextProbe = nextProbeOf(seen);
  const lastFailure = lastFailureOf(seen);
  return {
    agent,
    dependency,
    state,
    pods: `${worst.length}/${seen.length}`,
    ...(since !== undefined && { since }),
    ...(nextProbe !== undefined && { nextProbe }),
    ...(lastFailure !== undefined && { lastFailure }),
  };
}

/** When the first open circuit lets a probe through. */
export function nextProbeOf(seen: readonly PodCircuit[]): string | undefined {
  return earliest(inState(seen, 'Open').map(({ circuit }) => reportedTime(circuit?.nextProbe)));
}

/** The failure that came last in any pod. */
export function lastFailureOf(seen: readonly PodCircuit[]): PolicyCircuit['lastFailure'] {
  const failures = seen.flatMap(({ circuit }) => {
    const time = reportedTime(circuit?.lastFailure?.time);
    return time === undefined ? [] : [{ ...circuit!.lastFailure!, time }];
  });
  const time = latest(failures.map((failure) => failure.time));
  const last = failures.find((failure) => failure.time === time);
  if (last === undefined) return undefined;
  return {
    class: reportedText(last.class, MAX_CLASS),
    message: reportedText(last.message, MAX_REASON),
    time: last.time,
  };
}

/** Why the circuits that are in that state are in it, as the first of them says. */
export function reasonOf(seen: readonly PodCircuit[], state: WorstState): string | undefined {
  const those = inState(seen, state).filter(({ circuit }) => circuit?.reason !== undefined);
  const first = earliest(those.map(({ circuit }) => reportedTime(circuit?.since)));
  const found = those.find(({ circuit }) => reportedTime(circuit?.since) === first);
  return found?.circuit?.reason === undefined
    ? undefined
    : reportedText(found.circuit.reason, MAX_REASON);
}
