import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from '../common/metadata.ts';
import type { PodDisruptionBudget } from './objects.ts';

/**
 * How many pods may be missing while nodes are drained. Pods that are not ready may always go: they serve nobody, and a
 * broken agent must not hold up a drain.
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

/** Pods that may be missing of `desired`; a percentage is rounded up, as the PodDisruptionBudget does it. */
export function maxUnavailable({ spec }: AgentDeployment, desired: number): number {
  const { maxUnavailable: allowed } = spec.disruption;
  if (typeof allowed === 'number') return allowed;
  return Math.ceil((desired * Number.parseInt(allowed, 10)) / 100);
}
