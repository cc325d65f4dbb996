import type { FleetFigures } from '../fleet/limits/sharedLimits.ts';
import type { Deployment, HorizontalPodAutoscaler, Pod } from '../kube/index.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import type { PodReport } from '../links/index.ts';
import type {
  AgentObservation,
  DeploymentObservation,
  PodObservation,
  ProgramObservation,
} from '../status/observations.ts';
import type { AgentState } from './agentState.ts';
import { graceLeft, isTerminating } from './freshness.ts';
import type { ScaledObject } from './optionalCaches.ts';
import { isProgram, type Terminated } from './programEnd.ts';

export interface ObservedState {
  state: AgentState | undefined;
  deployment: Deployment | undefined;
  autoscaler: HorizontalPodAutoscaler | undefined;
  scaledObject?: ScaledObject | undefined;
  pods: readonly Pod[];
  fleet?: FleetFigures | undefined;
  /** By UID of the pod. */
  report: (uid: string) => PodReport | undefined;
  now: Date;
  fleetCircuits?: readonly FleetCircuitStatus[];
}

/** Puts together what informers and links know of an agent and its pods. */
export function observe({
  state,
  deployment,
  autoscaler,
  scaledObject,
  pods,
  fleet,
  report,
  now,
  fleetCircuits = [],
}: ObservedState): AgentObservation {
  return {
    ...planned(state),
    ...(deployment && { deployment: observeDeployment(deployment, state?.deploymentGeneration) }),
    ...scalers(autoscaler, scaledObject),
    applyErrors: state?.applyErrors ?? [],
    contests: state?.contests ?? [],
    ...ofFleet(fleet, fleetCircuits),
    pods: pods.map((pod) => observePod(pod, report(pod.metadata.uid!), now)),
  };
}

function scalers(
  autoscaler: HorizontalPodAutoscaler | undefined,
  scaledObject: ScaledObject | undefined,
): Pick<AgentObservation, 'autoscaler' | 'scaledObject'> {
  return {
    ...(autoscaler && { autoscaler: { conditions: autoscaler.status?.conditions ?? [] } }),
    ...(scaledObject && { scaledObject: { conditions: scaledObject.status?.conditions ?? [] } }),
  };
}

function ofFleet(
  fleet: FleetFigures | undefined,
  fleetCircuits: readonly FleetCircuitStatus[],
): Pick<AgentObservation, 'fleet' | 'fleetCircuits'> {
  return {
    ...(fleet && { fleet }),
    ...(fleetCircuits.length > 0 && { fleetCircuits }),
  };
}

function planned(
  state: AgentState | undefined,
): Pick<AgentObservation, 'desiredHash' | 'revision' | 'paused'> {
  return {
    ...(state?.plan.hash !== undefined && { desiredHash: state.plan.hash }),
    ...(state?.configuration && { revision: state.configuration.revision }),
    paused: state?.paused ?? false,
  };
}

/** @param applied generation after our last write, which the informer may not have yet */
function observeDeployment(
  { metadata, spec, status = {} }: Deployment,
  applied = 0,
): DeploymentObservation {
  return {
    desired: spec.replicas ?? 1,
    generation: Math.max(metadata.generation ?? 0, applied),
    observedGeneration: status.observedGeneration ?? 0,
    replicas: status.replicas ?? 0,
    readyReplicas: status.readyReplicas ?? 0,
    updatedReplicas: status.updatedReplicas ?? 0,
    conditions: status.conditions ?? [],
  };
}

function observePod(pod: Pod, report: PodReport | undefined, now: Date): PodObservation {
  const { metadata, status } = pod;
  const waiting = waitingOf(pod);
  return {
    name: metadata.name,
    uid: metadata.uid!,
    ready: status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    terminating: isTerminating(pod),
    features: [...(report?.features ?? [])],
    ...reported(report, now),
    ...(waiting && { waiting }),
    ...programOf(pod),
    ...unscheduled(pod),
  };
}

function reported(
  report: PodReport | undefined,
  now: Date,
): Pick<PodObservation, 'connected' | 'hash' | 'boot' | 'snapshot' | 'linkError'> {
  if (!report) return { connected: false };
  const { hash, boot, snapshot } = report;
  const linkError = linkErrorOf(report);
  const present = report.connected || graceLeft(report, now) > 0;
  return {
    connected: present && snapshot !== undefined,
    ...(hash !== undefined && { hash }),
    ...(boot !== undefined && { boot }),
    ...(snapshot && { snapshot }),
    ...(linkError !== undefined && { linkError }),
  };
}

function linkErrorOf({ incompatible, excessive }: PodReport): string | undefined {
  if (incompatible) return 'it speaks another version of the contract';
  return excessive ? 'it sends more than a pod may and is left alone for a while' : undefined;
}

function unscheduled({ status }: Pod): Pick<PodObservation, 'unscheduled'> {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False') return {};
  return { unscheduled: scheduled.message ?? scheduled.reason ?? 'not scheduled' };
}

/** slimPod always keeps the status of a program. It keeps the status of another container while that waits. */
function programOf({ status }: Pod): Pick<PodObservation, 'program'> {
  const found = status?.containerStatuses?.find(isProgram);
  if (found === undefined) return {};
  const ended = found.lastState?.terminated;
  return {
    program: {
      ready: found.ready,
      restarts: found.restartCount,
      ...(ended && { lastEnd: endOf(ended) }),
    },
  };
}

type ProgramEnd = NonNullable<ProgramObservation['lastEnd']>;

function endOf({ exitCode, reason = 'Error', message, finishedAt = '' }: Terminated): ProgramEnd {
  return { exitCode, reason, ...(message !== undefined && { error: message }), at: finishedAt };
}

function waitingOf({ status }: Pod): PodObservation['waiting'] {
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  const held = [...initContainerStatuses, ...containerStatuses].find(({ state }) => {
    const { reason } = state?.waiting ?? {};
    return reason !== undefined && !STARTING.has(reason);
  });
  const { reason, message } = held?.state?.waiting ?? {};
  if (held === undefined || reason === undefined) return undefined;
  return { container: held.name, reason, ...(message !== undefined && { message }) };
}

/** Reasons of containers that nothing holds up. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);
