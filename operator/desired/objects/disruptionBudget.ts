import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from '../common/metadata.ts';
import type { PodDisruptionBudget } from './objects.ts';

/**
 * Limits how many pods a drain of nodes may evict at once. Unready pods may always be evicted: a broken agent must not block
 * a drain.
 */
export function buildDisruptionBudget(agent: AgentDeployment): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: childMetadata(agent, agent.metadata.name),
    spec: {
      maxUnavailable: agent.spec.disruption.maxUnavailable,
      selector: { matchLabels: selectorLabels(agent) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}

/** Pods that may be missing of `desired`. A percentage is rounded up, as for a PodDisruptionBudget. */
export function maxUnavailable({ spec }: AgentDeployment, desired: number): number {
  const { maxUnavailable: allowed } = spec.disruption;
  if (typeof allowed === 'number') return allowed;
  return Math.ceil((desired * Number.parseInt(allowed, 10)) / 100);
}
