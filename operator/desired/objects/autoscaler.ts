import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata } from '../common/metadata.ts';
import type { ContainerMetric, HorizontalPodAutoscaler } from './objects.ts';
import { PROGRAM_CONTAINER } from './programTemplate.ts';
import { RUNTIME_CONTAINER } from './runtimeTemplate.ts';

/**
 * The HorizontalPodAutoscaler; undefined if spec.replicas decides. It measures only the containers of runtime and program, so
 * that a sidecar without requests does not disable it.
 */
export function buildAutoscaler(agent: AgentDeployment): HorizontalPodAutoscaler | undefined {
  const { autoscaling } = agent.spec;
  if (autoscaling === undefined) return undefined;
  const { minReplicas, maxReplicas, cpuPercent, memoryPercent, behavior } = autoscaling;
  const { name } = agent.metadata;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: childMetadata(agent, name),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas,
      maxReplicas,
      metrics: measuredContainers(agent).flatMap((container) => [
        ...metric(container, 'cpu', cpuPercent),
        ...metric(container, 'memory', memoryPercent),
      ]),
      ...(behavior === undefined ? {} : { behavior }),
    },
  };
}

/** The containers whose load adds pods. */
export function measuredContainers({ spec }: AgentDeployment): string[] {
  return spec.program ? [RUNTIME_CONTAINER, PROGRAM_CONTAINER] : [RUNTIME_CONTAINER];
}

/** Empty for a target of 0, which leaves the metric out. */
function metric(
  container: string,
  name: 'cpu' | 'memory',
  averageUtilization: number,
): ContainerMetric[] {
  if (averageUtilization === 0) return [];
  const target = { type: 'Utilization', averageUtilization } as const;
  return [
    {
      type: 'ContainerResource',
      containerResource: { name, container, target },
    },
  ];
}
