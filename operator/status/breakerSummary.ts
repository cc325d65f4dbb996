import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { Section } from '../desired/policies/attachment.ts';
import {
  circuitsOf,
  firstOf,
  firstReason,
  inState,
  lastFailureOf,
  lastOf,
  nextProbeOf,
  podCircuits,
  podsByState,
  severity,
  type PodCircuit,
  type PolicyCircuit,
  type Reason,
  type WorstState,
} from './circuits.ts';
import { fleetOf, mergeFleets, summarizeFleet, type FleetSummary } from './fleet.ts';
import type { AgentObservation } from './observations.ts';
import { mergeProgress, progressIn, type ProgressSummary } from './programmed.ts';
import { earliest, latest, reportedTime } from './reported.ts';
import { lastTransitions, reportedTransitions, type PolicyTransition } from './transitions.ts';

/** Summary of the circuits in one state. */
interface InState {
  /** Reason of the first circuit that entered the state. */
  reason: Reason | undefined;
  /** When the first circuit entered the state. */
  since: string | undefined;
  /** Whether the policy's override holds one of them in the state. */
  overridden: boolean;
}

/**
 * What the pods of agents say of a policy, put together: all that its status tells, however many agents there are.
 * Summaries of some agents and of the agents that follow them by name merge into the summary of all.
 */
export interface BreakerSummary {
  /** Number of pods by the state of their worst circuit. */
  pods: Record<WorstState, number>;
  states: Record<WorstState, InState>;
  /** The latest change of a circuit. */
  latestSince: string | undefined;
  nextProbe: string | undefined;
  lastFailure: PolicyCircuit['lastFailure'];
  /** The worst circuits, in the order of agents and dependencies. */
  circuits: PolicyCircuit[];
  fleet: FleetSummary;
  /** The latest transitions. */
  transitions: PolicyTransition[];
  /** Number of circuits in connected pods. */
  connected: number;
  /** Those of them that have handled spec.resetToken. */
  reset: number;
  progress: ProgressSummary;
}

const STATES: readonly WorstState[] = ['Open', 'HalfOpen', 'Closed', 'Unknown'];
const MAX_CIRCUITS = 64;
/** Shared by all agents to save memory. */
const NONE: InState = { reason: undefined, since: undefined, overridden: false };

/**
 * @param won where the policy is in force
 * @param agents by name
 */
export function summarizeBreaker(
  policy: CircuitBreakerPolicy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): BreakerSummary {
  const { name } = policy.metadata;
  const seen = podCircuits(won, agents, name);
  const circuits = circuitsOf(seen, fleetOf(agents, name));
  const connected = seen.filter(({ pod }) => pod.connected);
  const { resetToken } = policy.spec;
  return {
    pods: podsByState(seen),
    states: byState((state) => statesOf(seen, state)),
    latestSince: latest(timesOf(seen)),
    nextProbe: nextProbeOf(seen),
    lastFailure: lastFailureOf(seen),
    circuits: worst(circuits),
    fleet: summarizeFleet(circuits),
    transitions: lastTransitions(reportedTransitions(name, agents)),
    connected: connected.length,
    reset: connected.filter(({ circuit }) => circuit?.handledResetToken === resetToken).length,
    progress: progressIn(policy, won, agents),
  };
}

/** Merges the summaries of agents, in their order. */
export function mergeBreakers(parts: readonly BreakerSummary[]): BreakerSummary {
  const each = <T>(of: (part: BreakerSummary) => T | undefined): T[] =>
    parts.flatMap((part): T[] => {
      const value = of(part);
      return value === undefined ? [] : [value];
    });
  const sum = (of: (part: BreakerSummary) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  return {
    pods: byState((state) => sum(({ pods }) => pods[state])),
    states: byState((state) => mergeStates(parts.map(({ states }) => states[state]))),
    latestSince: latest(each(({ latestSince }) => latestSince)),
    nextProbe: earliest(each(({ nextProbe }) => nextProbe)),
    lastFailure: lastOf(each(({ lastFailure }) => lastFailure)),
    circuits: worst(parts.flatMap(({ circuits }) => circuits)),
    fleet: mergeFleets(parts.map(({ fleet }) => fleet)),
    transitions: lastTransitions(parts.flatMap(({ transitions }) => transitions)),
    connected: sum(({ connected }) => connected),
    reset: sum(({ reset }) => reset),
    progress: mergeProgress(parts.map(({ progress }) => progress)),
  };
}

/** The worst state of any circuit; Unknown when nothing reports. */
export function stateOf({ pods }: BreakerSummary): WorstState {
  return STATES.find((state) => pods[state] > 0) ?? 'Unknown';
}

function statesOf(seen: readonly PodCircuit[], state: WorstState): InState {
  const those = inState(seen, state);
  if (those.length === 0) return NONE;
  return {
    reason: firstReason(those, state),
    since: earliest(timesOf(those)),
    overridden: those.some(({ circuit }) => circuit?.overridden === state),
  };
}

function mergeStates(all: readonly InState[]): InState {
  const parts = all.filter((part) => part !== NONE);
  if (parts.length === 0) return NONE;
  return {
    reason: firstOf(parts.flatMap(({ reason }) => reason ?? [])),
    since: earliest(parts.map(({ since }) => since)),
    overridden: parts.some(({ overridden }) => overridden),
  };
}

const timesOf = (seen: readonly PodCircuit[]): (string | undefined)[] =>
  seen.map(({ circuit }) => reportedTime(circuit?.since));

/** The worst circuits, as many as status may hold. */
function worst(circuits: PolicyCircuit[]): PolicyCircuit[] {
  if (circuits.length <= MAX_CIRCUITS) return circuits;
  const kept = new Set(
    circuits.toSorted((a, b) => severity(b.state) - severity(a.state)).slice(0, MAX_CIRCUITS),
  );
  return circuits.filter((circuit) => kept.has(circuit));
}

function byState<T>(of: (state: WorstState) => T): Record<WorstState, T> {
  return {
    Open: of('Open'),
    HalfOpen: of('HalfOpen'),
    Closed: of('Closed'),
    Unknown: of('Unknown'),
  };
}
