import type {
  CircuitStatus,
  GateStatus,
  LimitStatus,
  Revision,
  Snapshot,
} from '../contract/generated/types.ts';
import { formatRevision } from '../contract/revision.ts';
import { json, type Answer } from './endpoints.ts';
import type { FleetFigures } from './fleet/limits/sharedLimits.ts';
import type { FleetCircuitStatus } from './fleet/circuits/fleetCircuits.ts';
import type { ProviderLimitFigures } from './fleet/providers/providerAccounts.ts';
import type { Loggers } from './loggers.ts';
import type { PodReport } from './links/index.ts';
import { totalLoad, type TotalLoad } from './status/load.ts';
import type { ApplyError } from './status/observations.ts';

/** Facts on one agent. */
export interface AgentFacts {
  /** `namespace/name`. */
  key: string;
  /** Absent on a standby, and before the first reconcile of the agent. */
  term?: number;
  configuration?: { revision: Revision; hash: string };
  applyErrors?: readonly ApplyError[];
  pods: readonly PodReport[];
  /** How this leader shares limits of scope Fleet. */
  fleetLimits?: FleetFigures;
  /** Circuits of scope Fleet. */
  fleet?: readonly FleetCircuitStatus[];
  /** Limits of providers that the pods share. */
  providerLimits?: readonly ProviderLimitFigures[];
}

/** A pod in /debug/agents. */
export interface DebugPod {
  pod: string;
  link: 'Connected' | 'Incompatible' | 'NotConnected';
  /** When the link last changed; RFC 3339. */
  since: string;
  runtimeVersion?: string;
  /** TERM-COUNTER of the configuration in force. */
  revision?: string;
  /** Whether it runs the desired configuration. */
  current: boolean;
  /** Why it refused the last configuration. */
  refused?: string;
  /** State of each circuit, with the reason if it is not closed. */
  circuits: Record<string, string>;
  /** Gates that hold calls back. */
  gates?: Record<string, string>;
  /** Requests or calls rejected since the pod started, by target and limit. */
  rejected?: Record<string, number>;
  /** Percentage of each limit that is used, by target and limit. */
  used?: Record<string, number>;
}

/** An agent in /debug/agents. */
export interface DebugAgent {
  agent: string;
  term?: number;
  /** TERM-COUNTER of the desired configuration. */
  revision?: string;
  hash?: string;
  /** Objects that could not be applied. */
  applyErrors?: string[];
  /** How this leader shares limits of scope Fleet. */
  fleetLimits?: FleetFigures;
  /** Circuits of scope Fleet: state, votes, and the pod that probes. */
  fleetCircuits?: readonly FleetCircuitStatus[];
  /** Limits of providers of which little was left: what is left for all pods, and what each may take of it. */
  providerLimits?: readonly ProviderLimitFigures[];
  /** Requests of all connected pods together. */
  load?: TotalLoad;
  pods: DebugPod[];
}

/** The response of /debug/agents: the desired state and the report of each pod. A standby knows only names. */
export function describeAgents(
  leading: boolean,
  agents: readonly AgentFacts[],
): { leading: boolean; agents: DebugAgent[] } {
  return { leading, agents: agents.map(describeAgent) };
}

function describeAgent({
  key,
  term,
  configuration,
  applyErrors = [],
  fleetLimits,
  pods,
  fleet = [],
  providerLimits = [],
}: AgentFacts): DebugAgent {
  return {
    agent: key,
    ...(term !== undefined && { term }),
    ...(configuration && {
      revision: formatRevision(configuration.revision),
      hash: configuration.hash,
    }),
    ...(applyErrors.length > 0 && {
      applyErrors: applyErrors.map(({ kind, name, message }) => `${kind} ${name}: ${message}`),
    }),
    ...(fleetLimits && { fleetLimits }),
    ...(fleet.length > 0 && { fleetCircuits: fleet }),
    ...(providerLimits.length > 0 && { providerLimits }),
    ...loadOf(pods),
    pods: pods.map((pod) => describePod(pod, configuration?.hash)),
  };
}

function loadOf(pods: readonly PodReport[]): Pick<DebugAgent, 'load'> {
  const linked = pods.filter(({ connected }) => connected);
  const load = totalLoad(linked.flatMap(({ snapshot }) => snapshot?.load ?? []));
  return load ? { load } : {};
}

/** The figures of a pod that has not reported yet. */
const NOTHING: Partial<Pick<Snapshot, 'configuration' | 'circuits' | 'gates' | 'limits'>> = {};

function rejectedAndUsed(limits: readonly LimitStatus[]): Pick<DebugPod, 'rejected' | 'used'> {
  const rejected = positive(limits, 'rejected');
  const used = positive(limits, 'usedPercent');
  return { ...(rejected && { rejected }), ...(used && { used }) };
}

/** A figure by target and limit, without zeros. */
function positive(
  limits: readonly LimitStatus[],
  figure: 'rejected' | 'usedPercent',
): Record<string, number> | undefined {
  const figures = limits
    .filter((limit) => limit[figure] > 0)
    .map((limit) => [`${limit.target} ${limit.name}`, limit[figure]] as const);
  return figures.length > 0 ? Object.fromEntries(figures) : undefined;
}

function describePod(report: PodReport, desiredHash: string | undefined): DebugPod {
  const { pod, since } = report;
  const snapshot = report.snapshot ?? NOTHING;
  const gates = shutGates(snapshot.gates ?? []);
  return {
    pod,
    link: linkOf(report),
    since,
    ...inForce(report, desiredHash),
    circuits: circuitStates(snapshot.circuits ?? []),
    ...(gates.length > 0 && { gates: Object.fromEntries(gates) }),
    ...rejectedAndUsed(snapshot.limits ?? []),
  };
}

function inForce(
  { runtimeVersion, revision, hash, snapshot }: PodReport,
  desiredHash: string | undefined,
): Pick<DebugPod, 'runtimeVersion' | 'revision' | 'current' | 'refused'> {
  const refused = snapshot?.configuration.refused?.message;
  return {
    ...(runtimeVersion !== undefined && { runtimeVersion }),
    ...(revision && { revision: formatRevision(revision) }),
    current: desiredHash !== undefined && hash === desiredHash,
    ...(refused !== undefined && { refused }),
  };
}

function linkOf({ connected, incompatible }: PodReport): DebugPod['link'] {
  if (connected) return 'Connected';
  return incompatible ? 'Incompatible' : 'NotConnected';
}

function circuitStates(circuits: readonly CircuitStatus[]): Record<string, string> {
  return Object.fromEntries(
    circuits.map(({ dependency, model, state, reason }) => [
      model === undefined ? dependency : `${dependency} (${model})`,
      state === 'Closed' || reason === undefined ? state : `${state}: ${reason}`,
    ]),
  );
}

function shutGates(gates: readonly GateStatus[]): [dependency: string, gate: string][] {
  return gates
    .filter(({ gate }) => gate !== 'None')
    .map(({ dependency, gate, until }) => [
      dependency,
      until === undefined ? gate : `${gate} until ${until}`,
    ]);
}

/** Shows the level of each module. PUT with `module` and `level` sets one until the process ends. */
export function loggingPage(loggers: Loggers, query: URLSearchParams, method: string): Answer {
  if (method === 'PUT') {
    const message = loggers.set(query.get('module') ?? '', query.get('level') ?? '');
    if (message !== undefined) return json(400, { message });
  }
  return json(200, { levels: loggers.levels() });
}
