import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { condition } from './conditions.ts';
import type { AgentObservation } from './observations.ts';
import { reportedText } from './reported.ts';

const MAX_TEXT = 1024;

/** Pods that the agent is to have: spec.replicas, or what the HorizontalPodAutoscaler says instead. */
export function desiredPods(
  { spec }: AgentDeployment,
  { deployment }: Pick<AgentObservation, 'deployment'>,
): number {
  if (spec.autoscaling === undefined) return spec.replicas;
  return deployment?.desired ?? spec.autoscaling.minReplicas;
}

/**
 * ScalingManaged: whether autoscaling decides on the number of pods, as ScalingActive of the HorizontalPodAutoscaler
 * says, and what that means for spec.replicas.
 */
export function scalingManaged(
  agent: AgentDeployment,
  observation: Pick<AgentObservation, 'deployment' | 'autoscaler'>,
): ConditionDraft {
  const type = 'ScalingManaged';
  const { autoscaling, replicas } = agent.spec;
  if (autoscaling === undefined) {
    const message = `spec.autoscaling is not set; spec.replicas (${replicas}) decides on the number of pods.`;
    return { type, status: 'False', reason: 'AutoscalingOff', message };
  }
  const { minReplicas, maxReplicas } = autoscaling;
  const rule =
    `Autoscaling decides on the number of pods, ${minReplicas} to ${maxReplicas}. spec.replicas and kubectl scale have no effect; ` +
    'change spec.autoscaling, or remove it.';
  const active = condition(observation.autoscaler?.conditions, 'ScalingActive');
  if (active === undefined) {
    const message = `The HorizontalPodAutoscaler has not looked at the pods yet. ${rule}`;
    return { type, status: 'Unknown', reason: 'Pending', message };
  }
  if (active.status === 'True') {
    return { type, status: 'True', reason: active.reason ?? 'ScalingActive', message: rule };
  }
  return {
    type,
    status: active.status === 'False' ? 'False' : 'Unknown',
    reason: active.reason ?? 'ScalingInactive',
    message: `The HorizontalPodAutoscaler does not scale: ${reportedText(active.message ?? '', MAX_TEXT)}. ${rule}`,
  };
}
