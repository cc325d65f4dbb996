/** A pod that the leader wants a link to. */
export interface PodTarget {
  namespace: string;
  /** Name of the AgentDeployment. */
  agent: string;
  /** Name and UID of the pod. */
  name: string;
  uid: string;
  /** Name of the ServiceAccount that it must show a token of. */
  serviceAccount: string;
  /** Empty or absent until the pod has one; it is dialled as soon as it does. */
  ip?: string;
  /** All addresses of a pod that has more than one, which are dialled in turn. */
  ips?: readonly string[];
  /** Control port. */
  port: number;
  /** Whether its containers have started, and whether it is ready, as the kubelet says. Each is a reason to dial at once. */
  running?: boolean;
  ready?: boolean;
  /** When the kubelet kills its process, which is to end before; absent unless it is being deleted. Milliseconds since 1970. */
  killedAt?: number;
}

/** How much later than announced a pod's process may end; clocks differ too. */
const LATE_MS = 30_000;

/** Whether the pod's process must have ended: a pod that is there all the same is on a node that does not answer. */
export function hasEnded({ killedAt }: PodTarget, now: number): boolean {
  return killedAt !== undefined && now > killedAt + LATE_MS;
}

/** `namespace/name` of an AgentDeployment. */
export type AgentKey = string;

/** The agent that a pod belongs to. */
export function agentKeyOf(target: Pick<PodTarget, 'namespace' | 'agent'>): AgentKey {
  return `${target.namespace}/${target.agent}`;
}
