import { PROGRAM_TOOLS } from '../../contract/link.ts';
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
export const MAX_MODEL = 256;

const SEVERITY: Record<WorstState, number> = { Unknown: 0, Closed: 1, HalfOpen: 2, Open: 3 };

/** One circuit in one pod; without `circuit` the pod does not report it. */
export interface PodCircuit {
  agent: string;
  dependency: string;
  pod: PodObservation;
  circuit?: CircuitStatus;
}

/** Pods that are neither being deleted nor ended. */
export function livePods(observation: AgentObservation | undefined): PodObservation[] {
  return (observation?.pods ?? []).filter(({ terminating }) => !terminating);
}

/**
 * The circuits of each section in each live pod of its agent; with `policy`, only those under that policy. PROGRAM_TOOLS are
 * those of tools that no other section names.
 */
export function podCircuits(
  sections: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
  policy?: string,
): PodCircuit[] {
  return sections.flatMap(({ agent, section: dependency }) => {
    if (dependency === PROGRAM_TOOLS) return toolCircuits(agent, sections, agents, policy);
    return livePods(agents.get(agent)).flatMap((pod): PodCircuit[] => {
      const circuits = reportedCircuits(pod, dependency).filter(
        (circuit) => policy === undefined || circuit.policy === policy,
      );
      if (circuits.length === 0) return [{ agent, dependency, pod }];
      return circuits.map((circuit) => ({ agent, dependency, pod, circuit }));
    });
  });
}

const TOOL = /^tool\/[\w-]{1,64}$/;

/** The circuits of a program's tools, as its pods report them. */
function toolCircuits(
  agent: string,
  sections: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
  policy: string | undefined,
): PodCircuit[] {
  const named = new Set(
    sections.filter((one) => one.agent === agent).map(({ section }) => section),
  );
  return livePods(agents.get(agent)).flatMap((pod) =>
    (pod.connected ? (pod.snapshot?.circuits ?? []) : [])
      .filter(
        (circuit) =>
          TOOL.test(circuit.dependency) &&
          !named.has(circuit.dependency) &&
          (policy === undefined || circuit.policy === policy),
      )
      .map((circuit) => ({ agent, dependency: circuit.dependency, pod, circuit })),
  );
}

/** One, or one for each model. */
function reportedCircuits(pod: PodObservation, dependency: string): CircuitStatus[] {
  if (!pod.connected) return [];
  return (pod.snapshot?.circuits ?? []).filter((circuit) => circuit.dependency === dependency);
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

/** The circuits in this state. */
export function inState(seen: readonly PodCircuit[], state: WorstState): PodCircuit[] {
  return seen.filter(({ circuit }) => (circuit?.state ?? 'Unknown') === state);
}

/** Counts each pod by the worst state of its circuits. */
export function podsByState(seen: readonly PodCircuit[]): Record<WorstState, number> {
  const counts: Record<WorstState, number> = { Unknown: 0, Closed: 0, HalfOpen: 0, Open: 0 };
  for (const ofPod of Map.groupBy(seen, ({ pod }) => pod.uid).values()) counts[worstState(ofPod)]++;
  return counts;
}

/** The circuits of one dependency in all pods: one entry of status. */
export interface CircuitGroup {
  agent: string;
  dependency: string;
  /** Present only if the endpoint serves several models. */
  model?: string;
  seen: readonly PodCircuit[];
  /** Number of pods. */
  pods: number;
}

/** One group for each agent and dependency, in the order of `seen`. */
export function byDependency(seen: readonly PodCircuit[]): CircuitGroup[] {
  const groups = Map.groupBy(seen, ({ agent, dependency }) => `${agent}/${dependency}`);
  return [...groups.values()].map((own) => {
    const { agent, dependency } = own[0]!;
    return { agent, dependency, seen: own, pods: podCount(own) };
  });
}

/**
 * Like byDependency. But if an endpoint serves several models, each model with a circuit that is not closed has its own
 * group, and the other models share one.
 */
export function byModel(seen: readonly PodCircuit[]): CircuitGroup[] {
  return byDependency(seen).flatMap((group) => {
    if (modelsOf(group.seen).size < 2) return [group];
    const byName = Map.groupBy(group.seen, ({ circuit }) => circuit?.model);
    const troubled = [...byName].filter(
      ([model, own]) => model !== undefined && severity(worstState(own)) > severity('Closed'),
    );
    const named = troubled.map(([model, own]) => ({
      ...group,
      model: reportedText(model!, MAX_MODEL),
      seen: own,
    }));
    const names = new Set(troubled.map(([model]) => model));
    const rest = group.seen.filter(({ circuit }) => !names.has(circuit?.model));
    return rest.length === 0 ? named : [...named, { ...group, seen: rest }];
  });
}

/** Models with a circuit in some pod. */
function modelsOf(seen: readonly PodCircuit[]): Set<string> {
  return new Set(seen.flatMap(({ circuit }) => circuit?.model ?? []));
}

function podCount(seen: readonly PodCircuit[]): number {
  return new Set(seen.map(({ pod }) => pod.uid)).size;
}

/** The part of an entry of status about the fleet. */
export type FleetOf = (group: CircuitGroup) => Pick<PolicyCircuit, 'fleet'>;

/** The entries of status, in the order of `seen`. */
export function circuitsOf(seen: readonly PodCircuit[], fleetOf?: FleetOf): PolicyCircuit[] {
  return byModel(seen).map((group) => ({
    ...circuitOf(group),
    ...fleetOf?.(group),
  }));
}

export function circuitOf({ agent, dependency, model, seen, pods }: CircuitGroup): PolicyCircuit {
  const state = worstState(seen);
  const worst = inState(seen, state);
  const since = earliest(worst.map(({ circuit }) => reportedTime(circuit?.since)));
  const nextProbe = nextProbeOf(seen);
  const lastFailure = lastFailureOf(seen);
  return {
    agent,
    dependency,
    ...(model !== undefined && { model }),
    state,
    pods: `${podCount(worst)}/${pods}`,
    ...(since !== undefined && { since }),
    ...(nextProbe !== undefined && { nextProbe }),
    ...(lastFailure !== undefined && { lastFailure }),
  };
}

/** Name of a circuit in messages, such as model/primary (opus). */
export function circuitName({
  dependency,
  model,
}: Pick<PolicyCircuit, 'dependency' | 'model'>): string {
  return model === undefined ? dependency : `${dependency} (${model})`;
}

/** The earliest next probe of an open circuit. */
export function nextProbeOf(seen: readonly PodCircuit[]): string | undefined {
  return earliest(inState(seen, 'Open').map(({ circuit }) => reportedTime(circuit?.nextProbe)));
}

/** The latest failure in any pod. */
export function lastFailureOf(seen: readonly PodCircuit[]): PolicyCircuit['lastFailure'] {
  const last = lastOf(
    seen.flatMap(({ circuit }) => {
      const time = reportedTime(circuit?.lastFailure?.time);
      return time === undefined ? [] : [{ ...circuit!.lastFailure!, time }];
    }),
  );
  if (last === undefined) return undefined;
  return {
    class: reportedText(last.class, MAX_CLASS),
    message: reportedText(last.message, MAX_REASON),
    time: last.time,
  };
}

/** The latest failure; of several at the same time, the first in the list. */
export function lastOf<T extends { time?: string }>(failures: readonly T[]): T | undefined {
  const last = latest(failures.map(({ time }) => time));
  return failures.find(({ time }) => time === last);
}

/** The reason of the circuit that entered this state first. */
export function reasonOf(seen: readonly PodCircuit[], state: WorstState): string | undefined {
  return firstReason(seen, state)?.text;
}

export interface Reason {
  text: string;
  /** When the circuit entered its state. */
  since: string | undefined;
}

export function firstReason(seen: readonly PodCircuit[], state: WorstState): Reason | undefined {
  return firstOf(
    inState(seen, state).flatMap(({ circuit }): Reason[] => {
      const { reason, since } = circuit ?? {};
      if (reason === undefined) return [];
      return [{ text: reportedText(reason, MAX_REASON), since: reportedTime(since) }];
    }),
  );
}

/** The earliest reason; of several at the same time, the first in the list. */
export function firstOf(reasons: readonly Reason[]): Reason | undefined {
  const first = earliest(reasons.map(({ since }) => since));
  return reasons.find(({ since }) => since === first);
}
