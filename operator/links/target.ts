/** A pod that the leader wants a link to. */
export interface PodTarget {
  namespace: string;
  /** Name of the AgentDeployment. */
  agent: string;
  /** Name and UID of the pod. */
  name: string;
  uid: string;
  /** Empty or absent until the pod has one; it is dialled as soon as it does. */
  ip?: string;
  /** Control port. */
  port: number;
}

/** `namespace/name` of an AgentDeployment. */
export type AgentKey = string;

/** The agent that a pod belongs to. */
export function agentKeyOf(target: Pick<PodTarget, 'namespace' | 'agent'>): AgentKey {
  return `${target.namespace}/${target.agent}`;
}
