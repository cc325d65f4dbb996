import type {
  CircuitStatus,
  Counters,
  Hello,
  LimitStatus,
  Report,
  Revision,
  Snapshot,
  TransitionReport,
} from '../../contract/generated/types.ts';

/** Bounds of a report's lists, as in the contract, whatever the pod sends. */
const MAX_TRANSITIONS = 64;
const MAX_CIRCUITS = 256;
const MAX_LIMITS = 1024;

/** State: the link, the configuration, a circuit, limit, gate, health check or MCP server's tools changed. Counters: only figures. */
export type ChangeKind = 'State' | 'Counters';

/** All that is known of one pod. It is immutable, so that readers may compare by identity. */
export interface PodReport {
  namespace: string;
  /** Name of the AgentDeployment. */
  agent: string;
  /** Name of the pod. */
  pod: string;
  uid: string;
  connected: boolean;
  /** The pod supports no common version of the contract, so the link is not used. */
  incompatible: boolean;
  /** The pod exceeded its report budget, so it is not dialled for a while. */
  excessive?: boolean;
  /** When `connected` last changed; RFC 3339. */
  since: string;
  /** This leader's first attempt to reach the pod has not ended. */
  pending?: boolean;
  /** Hash of the configuration in force; absent if the pod has none or never connected. */
  hash?: string;
  revision?: Revision;
  /** Highest term that the pod has seen. */
  highestTerm?: number;
  features: readonly string[];
  boot?: string;
  runtimeVersion?: string;
  /** The last snapshot, with all later messages merged in. It is kept after a disconnect. */
  snapshot?: Snapshot;
  /** Whether the snapshot came since the last hello. */
  fresh?: boolean;
}

/** A message in which a pod reports on itself. */
export type PodFacts = Snapshot | TransitionReport | Counters;

export type FleetMessage = Exclude<Report, PodFacts>;

/** Whether a message is only for the fleet and changes nothing in the pod's report. */
export function isOfFleet(message: Report): message is FleetMessage {
  return message.type === 'Fleet' || message.type === 'ProviderUse';
}

/** A Hello without the token, which must not be kept. */
export type HelloFacts = Omit<Hello, 'token' | 'type'>;

/** The report after a Hello. A new process of the pod knows nothing of what the former one reported. */
export function afterHello(report: PodReport, hello: HelloFacts, since: string): PodReport {
  const { snapshot, hash: _hash, revision: _revision, ...others } = report;
  const { pending: _pending, excessive: _excessive, fresh: _fresh, ...rest } = others;
  return {
    ...rest,
    connected: true,
    incompatible: false,
    since,
    ...(hello.hash !== undefined && { hash: hello.hash }),
    ...(hello.revision !== undefined && { revision: hello.revision }),
    highestTerm: hello.highestTerm,
    features: hello.features,
    boot: hello.boot,
    runtimeVersion: hello.runtimeVersion,
    ...(snapshot !== undefined && report.boot === hello.boot && { snapshot }),
  };
}

/** The report after a message of the pod. */
export function afterReport(report: PodReport, message: PodFacts): PodReport {
  if (message.type === 'Snapshot') return afterSnapshot(report, message);
  if (report.snapshot === undefined) return report;
  const snapshot =
    message.type === 'Transition'
      ? mergeTransition(report.snapshot, message)
      : mergeCounters(report.snapshot, message);
  return { ...report, snapshot };
}

/** Parts of Counters that are there only when one of their states changed. */
const STATES = ['healthChecks', 'mcpServers', 'program'] as const;

/** Whether a message changes a state, and not only figures. */
export function changeKind({ snapshot }: PodReport, message: PodFacts): ChangeKind {
  if (message.type !== 'Counters') return 'State';
  const figuresOnly =
    snapshot !== undefined &&
    (message.gates ?? []).length === 0 &&
    STATES.every((field) => message[field] === undefined) &&
    sameIncidents(snapshot.security, message.security) &&
    sameBut(circuitFacts, snapshot.circuits, message.circuits) &&
    sameBut(limitFacts, snapshot.limits, message.limits);
  return figuresOnly ? 'Counters' : 'State';
}

/** Whether all reported incidents, levels and responses are known already. */
function sameIncidents(known: Snapshot['security'], reported: Snapshot['security']): boolean {
  return reported === undefined || incidentFacts(known) === incidentFacts(reported);
}

function incidentFacts(security: Snapshot['security']): string {
  const { incidents = [], responses = [] } = security ?? {};
  return JSON.stringify([incidents.map(({ id, level }) => [id, level]), responses]);
}

/** Whether all reported elements are known already, compared by `factsOf`. */
function sameBut<T>(factsOf: (value: T) => string, known: T[], reported: T[]): boolean {
  if (reported.length === 0) return true;
  const facts = new Set(known.map(factsOf));
  return reported.every((value) => facts.has(factsOf(value)));
}

const circuitFacts = ({
  lastFailure: _,
  nextProbe: __,
  fleet: ___,
  servedPercent,
  ...facts
}: CircuitStatus): string => JSON.stringify([facts, servedPercent !== undefined]);

const limitFacts = (limit: LimitStatus): string => `${limitKey(limit)}${limit.limiting}`;

function afterSnapshot(report: PodReport, snapshot: Snapshot): PodReport {
  const { hash, revision } = snapshot.configuration;
  const { hash: _hash, revision: _revision, ...rest } = report;
  return {
    ...rest,
    ...(hash !== undefined && { hash }),
    ...(revision !== undefined && { revision }),
    highestTerm: Math.max(report.highestTerm ?? 0, revision?.term ?? 0),
    snapshot,
    fresh: true,
  };
}

function mergeTransition(snapshot: Snapshot, message: TransitionReport): Snapshot {
  const last = snapshot.transitions.at(-1)?.sequence ?? 0;
  if (message.transition.sequence <= last) return snapshot;
  return {
    ...snapshot,
    circuits: mergeCircuits(snapshot.circuits, [message.circuit]),
    transitions: [...snapshot.transitions, message.transition].slice(-MAX_TRANSITIONS),
  };
}

function mergeCounters(snapshot: Snapshot, message: Counters): Snapshot {
  return {
    ...snapshot,
    circuits: mergeCircuits(snapshot.circuits, message.circuits),
    limits: mergeBy(snapshot.limits, message.limits, limitKey, MAX_LIMITS),
    ...mergeGates(snapshot.gates, message.gates),
    ...(message.performance && { performance: message.performance }),
    ...(message.healthChecks && { healthChecks: message.healthChecks }),
    ...(message.mcpServers && { mcpServers: message.mcpServers }),
    ...(message.program && { program: message.program }),
    ...(message.audit && { audit: message.audit }),
    ...(message.load && { load: message.load }),
    ...(message.security && { security: message.security }),
  };
}

const mergeCircuits = (known: CircuitStatus[], changed: CircuitStatus[]): CircuitStatus[] =>
  mergeBy(known, changed, circuitKey, MAX_CIRCUITS);

function mergeGates(known: Snapshot['gates'], changed: Snapshot['gates']): Pick<Snapshot, 'gates'> {
  if (changed === undefined) return {};
  return { gates: mergeBy(known ?? [], changed, (gate) => gate.dependency, MAX_CIRCUITS) };
}

const circuitKey = ({ dependency, model }: CircuitStatus): string =>
  JSON.stringify([dependency, model]);

const limitKey = (limit: LimitStatus): string =>
  JSON.stringify([limit.target, limit.policy, limit.name]);

/** Replaces changed elements in `known` and appends new ones, up to `max`. */
function mergeBy<T>(known: T[], changed: T[], keyOf: (value: T) => string, max: number): T[] {
  if (changed.length === 0) return known;
  const merged = new Map(known.map((value) => [keyOf(value), value]));
  for (const value of changed) merged.set(keyOf(value), value);
  return [...merged.values()].slice(0, max);
}
