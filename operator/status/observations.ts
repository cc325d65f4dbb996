/** What is seen of an agent and its pods, by informers and over links; the input of status. */
import type { Revision, Snapshot } from '../../contract/generated/types.ts';
import type { PolicyRef } from '../desired/policies/attachment.ts';
import type { FleetFigures } from '../fleet/limits/agentFleet.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';

export interface PodObservation {
  name: string;
  uid: string;
  /** The pod's own Ready condition. */
  ready: boolean;
  /** The pod has a deletionTimestamp, or has ended. */
  terminating: boolean;
  /** The link is open, authenticated, and a Snapshot came over it. */
  connected: boolean;
  /** Hash of the configuration in force, as the pod said last. */
  hash?: string;
  /** From the pod's Hello; empty before the first. */
  features: string[];
  /** Name of the pod's process, from its Hello. */
  boot?: string;
  /**
   * The last one, with later Transitions and Counters worked in. It may be kept after the link has gone: then
   * only its transitions are used.
   */
  snapshot?: Snapshot;
  /** Why a container does not run, such as ImagePullBackOff, when the kubelet says so. */
  waiting?: { container: string; reason: string; message?: string };
  /** Why there is no link, when the last try to open one failed. */
  linkError?: string;
}

export interface DeploymentObservation {
  /** Pods that the Deployment is to have, whoever said so. */
  desired: number;
  generation: number;
  observedGeneration: number;
  replicas: number;
  readyReplicas: number;
  updatedReplicas: number;
  conditions: { type: string; status: string; reason?: string; message?: string }[];
}

/** What the HorizontalPodAutoscaler, or the ScaledObject, says of itself. */
export interface AutoscalerObservation {
  conditions: { type: string; status: string; reason?: string; message?: string }[];
}

/** An object that could not be applied. */
export interface ApplyError {
  kind: string;
  name: string;
  /** The API server's reason such as Invalid or Forbidden, or AlreadyExists for an object that is not ours. */
  reason: string;
  message: string;
}

export interface AgentObservation {
  /** Hash of the configuration that pods are to run: the plan's. Absent when there is none. */
  desiredHash?: string;
  /** Revision under which that configuration was published. */
  revision?: Revision;
  /** Whether the agent is paused: its objects and its configuration stay as they are. */
  paused: boolean;
  /** Paused policies whose edits are not in the configuration. Absent: none. */
  waiting?: readonly PolicyRef[];
  /** Absent until the Deployment exists. */
  deployment?: DeploymentObservation;
  /** Absent until the HorizontalPodAutoscaler exists: ours, or the one that KEDA makes of the ScaledObject. */
  autoscaler?: AutoscalerObservation;
  /** Absent unless the agent has a ScaledObject. */
  scaledObject?: AutoscalerObservation;
  applyErrors: ApplyError[];
  /** What this leader grants of limits of scope Fleet; absent when the agent has none. */
  fleet?: FleetFigures;
  /** Circuits whose scope is the fleet. Absent: there are none. */
  fleetCircuits?: readonly FleetCircuitStatus[];
  pods: PodObservation[];
}
