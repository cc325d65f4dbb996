/** A pod to which the leader keeps a link. */
export interface PodTarget {
  namespace: string;
  /** Name of the AgentDeployment. */
  agent: string;
  /** Name and UID of the pod. */
  name: string;
  uid: string;
  /** The ServiceAccount whose token the pod must present. */
  serviceAccount: string;
  /** Empty or absent until the pod has an address. */
  ip?: string;
  /** All addresses of a pod with more than one. They are dialled in turn. */
  ips?: readonly string[];
  /** Control port. */
  port: number;
  /** Whether its containers have started, and whether it is ready, according to the kubelet. Each change triggers a dial. */
  running?: boolean;
  ready?: boolean;
  /** When the kubelet kills its process, in milliseconds since 1970; absent unless the pod is being deleted. */
  killedAt?: number;
}

/** A process may end later than announced, and clocks differ. */
const LATE_MS = 30_000;

/** Whether the pod's process must have ended. If the pod still exists, its node does not respond. */
export function hasEnded({ killedAt }: PodTarget, now: number): boolean {
  return killedAt !== undefined && now > killedAt + LATE_MS;
}

/** `namespace/name` of an AgentDeployment. */
export type AgentKey = string;

/** The agent that a pod belongs to. */
export function agentKeyOf(target: Pick<PodTarget, 'namespace' | 'agent'>): AgentKey {
  return `${target.namespace}/${target.agent}`;
}
