import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { Condition, KubernetesObject } from '../../crds/meta.ts';
import type { Pod } from '../../operator/kube/index.ts';

export type Policy = CircuitBreakerPolicy | RateLimitPolicy;

/** The objects of a cluster at one moment, with apiVersion and kind. */
export interface World {
  agents: readonly AgentDeployment[];
  breakers: readonly CircuitBreakerPolicy[];
  limits: readonly RateLimitPolicy[];
  /** Pods of agents. */
  pods: readonly Pod[];
}

/** Label of an agent's pods, with the agent's name. */
export const AGENT_LABEL = 'breakwater.dev/agent';

/** Whether the policy names or selects the agent. Only its status says whether it is in force there. */
export function isFor(policy: Policy, { metadata }: AgentDeployment): boolean {
  if (policy.metadata.namespace !== metadata.namespace) return false;
  const { targetRefs = [], targetSelectors = [] } = policy.spec;
  return (
    targetRefs.some(({ name }) => name === metadata.name) ||
    targetSelectors.some(({ matchLabels }) =>
      Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value),
    )
  );
}

/** Policies that name or select no agent there is, in the order of their names. */
export function withoutAgent({ agents, breakers, limits }: World): Policy[] {
  return [...breakers, ...limits]
    .filter((policy) => !agents.some((agent) => isFor(policy, agent)))
    .sort(byName);
}

/** The agent's pods, in the order of their names. */
export function podsOf({ pods }: World, { metadata }: AgentDeployment): Pod[] {
  return pods
    .filter(
      (pod) =>
        pod.metadata.namespace === metadata.namespace &&
        pod.metadata.labels?.[AGENT_LABEL] === metadata.name,
    )
    .sort(byName);
}

/** Compares by namespace and name, the same on every machine. */
export function byName(a: KubernetesObject, b: KubernetesObject): number {
  const [one, other] = [a, b].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return one! < other! ? -1 : one! > other! ? 1 : 0;
}

/** The condition of that type in the object's status. */
export function conditionOf(
  { status }: { status?: { conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The condition that names renamed and removed fields which the object sets. They refuse nothing. */
export function deprecatedFields(object: {
  status?: { conditions?: readonly Condition[] };
}): Condition | undefined {
  const condition = conditionOf(object, 'DeprecatedFields');
  return condition?.status === 'True' ? condition : undefined;
}

/** NAMESPACE/NAME. */
export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
