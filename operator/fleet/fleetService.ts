import type {
  CircuitStatus,
  Command,
  Content,
  FleetReport,
  Load,
  ProviderUse,
} from '../../contract/generated/types.ts';

/** A pod of the agent: its last report, and what Kubernetes says of it. */
export interface FleetPod {
  report: PodReport;
  target: PodTarget;
}

/** The part of a pod's report that services need. */
export interface PodReport {
  uid: string;
  /** Name of the pod. */
  pod: string;
  /** Whether it has a link. */
  connected: boolean;
  /** Whether the snapshot came over the current link. */
  fresh?: boolean;
  /** Names its process. */
  boot?: string;
  features: readonly string[];
  snapshot?: { circuits: readonly CircuitStatus[]; load?: Load };
}

/** The part of a pod's facts in Kubernetes that services need. */
export interface PodTarget {
  name: string;
  ip?: string;
  running?: boolean;
  ready?: boolean;
  /** Absent unless the pod is being deleted. */
  killedAt?: number;
}

/** The pods of the agent, ordered by name. */
export type FleetPods = () => readonly FleetPod[];

/** State: a link, a pod or a state that it reports changed. Counters: only figures of its report. */
export type PodChange = 'State' | 'Counters';

/** A message of a pod that only services take. */
export type FleetMessage = FleetReport | ProviderUse;

type WithOptionalTerm<T> = T extends unknown ? Omit<T, 'term'> & { term?: number } : never;

/** A message to a pod. Without a term it gets the current one of the agent. */
export type FleetCommand = WithOptionalTerm<Exclude<Command, { type: 'Announce' | 'Configure' }>>;

/** What a service has of its host. */
export interface FleetContext {
  /** Unique name of this leader. */
  session: string;
  clock: { now(): number; monotonic(): number };
  /** A number in [0, 1). */
  random: () => number;
  /** Milliseconds for which a former leader of the agent may go on granting. Undefined: there was none. */
  beforeMs: number | undefined;
  /** The leader's term for the agent. */
  term(): number;
  /** Whether this process certainly still leads. */
  leads(): boolean;
  /** A number that no other call of this leader returns. */
  nextNumber(): number;
  /** The message is lost if the pod has no link. */
  send(uid: string, command: FleetCommand): void;
  /** Must be called after a change that status shows. */
  changed(): void;
}

/** One matter that the leader decides for all pods of one agent. The host gives it every event, one at a time. */
export interface FleetService {
  /** Takes the rules of a new configuration. */
  configure(content: Content): void;
  /** Takes the agent's pods: once before the first configuration, and after each change of a pod. */
  pods(pods: FleetPods, change: PodChange): void;
  /** Takes a message of a linked pod. */
  message?(uid: string, message: FleetMessage): void;
  /** Does what is due. @returns the monotonic time of the next call at the latest; the host also calls it after each event */
  tick(): number;
  /** Prepares the end of this process. A service without it ends at once. */
  leave?(): void;
  /** Whether pods still depend on this process after `leave`. */
  readonly isAwaited?: boolean;
  /** Unused: the configuration no longer asks for it, or the agent is gone. Deposed: this process no longer leads. */
  end?(why: 'Unused' | 'Deposed'): void;
}

/** Says which agents have the service, and makes it. */
export interface FleetServiceKind<S extends FleetService> {
  isUsed(content: Content): boolean;
  create(context: FleetContext): S;
}
