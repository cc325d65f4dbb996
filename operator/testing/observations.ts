/** Observations for tests. */
import type {
  CircuitStatus,
  LimitStatus,
  Snapshot,
  Transition,
} from '../../contract/generated/types.ts';
import type {
  AgentObservation,
  DeploymentObservation,
  PodObservation,
} from '../status/observations.ts';

export const HASH = 'sha256:now';
export const NOW = new Date('2026-11-21T10:00:00.000Z');

/** The time `seconds` before NOW, in RFC 3339. */
export function ago(seconds: number): string {
  return new Date(NOW.getTime() - seconds * 1000).toISOString();
}

export function circuit(
  state: CircuitStatus['state'] = 'Closed',
  rest: Partial<CircuitStatus> = {},
): CircuitStatus {
  return { dependency: 'model/primary', policy: 'triage', state, since: ago(100), ...rest };
}

export function limit(rest: Partial<LimitStatus> = {}): LimitStatus {
  return {
    target: 'inbound',
    policy: 'triage',
    name: 'requests',
    usedPercent: 0,
    rejected: 0,
    limiting: false,
    ...rest,
  };
}

export function transition(
  sequence: number,
  seconds: number,
  rest: Partial<Transition> = {},
): Transition {
  return {
    sequence,
    time: ago(seconds),
    dependency: 'model/primary',
    policy: 'triage',
    from: 'Closed',
    to: 'Open',
    reason: '3 consecutive failures (Overloaded)',
    ...rest,
  };
}

export function snapshot(rest: Partial<Snapshot> = {}): Snapshot {
  return {
    type: 'Snapshot',
    configuration: { hash: HASH, unsupported: [] },
    circuits: [circuit()],
    limits: [limit()],
    transitions: [],
    missingCredentials: [],
    ...rest,
  };
}

/** A ready, connected pod with the desired configuration. */
export function pod(
  name: string,
  report: Partial<Snapshot> = {},
  rest: Partial<PodObservation> = {},
): PodObservation {
  return {
    name,
    uid: `uid-${name}`,
    ready: true,
    terminating: false,
    connected: true,
    hash: HASH,
    features: [],
    boot: 'boot',
    snapshot: snapshot(report),
    ...rest,
  };
}

/** A pod that never had a link. */
export function strangePod(name: string, rest: Partial<PodObservation> = {}): PodObservation {
  const { snapshot: _snapshot, hash: _hash, boot: _boot, ...known } = pod(name);
  return { ...known, connected: false, ...rest };
}

export function deployment(rest: Partial<DeploymentObservation> = {}): DeploymentObservation {
  return {
    desired: 3,
    generation: 1,
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    updatedReplicas: 3,
    conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
    ...rest,
  };
}

export function observation(
  pods: PodObservation[],
  rest: Partial<AgentObservation> = {},
): AgentObservation {
  return {
    desiredHash: HASH,
    revision: { term: 3, counter: 7 },
    deployment: deployment(),
    paused: false,
    applyErrors: [],
    pods,
    ...rest,
  };
}
