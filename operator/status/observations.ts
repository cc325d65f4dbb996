/** Facts on an agent and its pods from informers and links: the input of status. */
import type { Revision, Snapshot } from '../../contract/generated/types.ts';
import type { FleetFigures } from '../fleet/limits/sharedLimits.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';

/** The container of a program, from the kubelet. */
export interface ProgramObservation {
  ready: boolean;
  restarts: number;
  /** How it ended last. */
  lastEnd?: {
    exitCode: number;
    /** Such as Error or OOMKilled. */
    reason: string;
    /** Class, file and line; absent if its last lines name none. */
    error?: string;
    /** RFC 3339. */
    at: string;
  };
}

export interface PodObservation {
  name: string;
  uid: string;
  /** The pod's own Ready condition. */
  ready: boolean;
  /** The pod has a deletionTimestamp, or has ended. */
  terminating: boolean;
  /** Whether the link is open and authenticated, and a Snapshot came over it. */
  connected: boolean;
  /** Hash of the configuration in force, from the last report. */
  hash?: string;
  /** From the pod's Hello; empty before the first. */
  features: string[];
  /** Name of the pod's process, from its Hello. */
  boot?: string;
  /**
   * The last Snapshot, with later Transitions and Counters merged in. It may outlive the link. Then only its transitions
   * count.
   */
  snapshot?: Snapshot;
  /** Why a container does not run, such as ImagePullBackOff, from the kubelet. */
  waiting?: { container: string; reason: string; message?: string };
  /** Absent: the pod has none. */
  program?: ProgramObservation;
  /** Why the scheduler finds no node for it. */
  unscheduled?: string;
  /** Why the last attempt to open a link failed. */
  linkError?: string;
}

export interface DeploymentObservation {
  /** spec.replicas, whoever set it. */
  desired: number;
  generation: number;
  observedGeneration: number;
  replicas: number;
  readyReplicas: number;
  updatedReplicas: number;
  conditions: { type: string; status: string; reason?: string; message?: string }[];
}

/** Conditions of the HorizontalPodAutoscaler or the ScaledObject. */
export interface AutoscalerObservation {
  conditions: { type: string; status: string; reason?: string; message?: string }[];
}

/** An object that could not be applied. */
export interface ApplyError {
  kind: string;
  name: string;
  /** The API server's reason such as Invalid or Forbidden, or AlreadyExists for a foreign object. */
  reason: string;
  message: string;
  /** The object is no longer wanted, and cannot be deleted. */
  deleting?: true;
}

/** An object that another writer changes or deletes each time the operator has written it. */
export interface Contest {
  kind: string;
  name: string;
  /** Paths such as .spec.replicas; empty if the object is deleted. */
  fields: readonly string[];
}

export interface AgentObservation {
  /** Hash of the plan's configuration; absent if there is none. */
  desiredHash?: string;
  /** Revision under which that configuration was published. */
  revision?: Revision;
  /** Whether the agent is paused: its objects and its configuration stay as they are. */
  paused: boolean;
  /** Absent until the Deployment exists. */
  deployment?: DeploymentObservation;
  /** Absent until the HorizontalPodAutoscaler exists: ours, or the one that KEDA makes of the ScaledObject. */
  autoscaler?: AutoscalerObservation;
  /** Absent unless the agent has a ScaledObject. */
  scaledObject?: AutoscalerObservation;
  applyErrors: ApplyError[];
  /** Absent: none. */
  contests?: readonly Contest[];
  /** What this leader grants of limits of scope Fleet; absent when the agent has none. */
  fleet?: FleetFigures;
  /** Circuits whose scope is the fleet. Absent: there are none. */
  fleetCircuits?: readonly FleetCircuitStatus[];
  pods: PodObservation[];
}
