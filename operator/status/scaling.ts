import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { condition } from './conditions.ts';
import type { AgentObservation } from './observations.ts';
import { reportedText } from './reported.ts';

const MAX_TEXT = 1024;
const TYPE = 'ScalingManaged';

type Scalers = Pick<AgentObservation, 'autoscaler' | 'scaledObject'>;

/** The desired number of pods: from spec.replicas or from autoscaling. */
export function desiredPods(
  { spec }: AgentDeployment,
  { deployment }: Pick<AgentObservation, 'deployment'>,
): number {
  if (spec.autoscaling === undefined) return spec.replicas;
  return deployment?.desired ?? spec.autoscaling.minReplicas;
}

/**
 * The condition ScalingManaged: whether autoscaling sets the number of pods. It follows ScalingActive of the
 * HorizontalPodAutoscaler and Ready of KEDA's ScaledObject.
 */
export function scalingManaged(agent: AgentDeployment, observation: Scalers): ConditionDraft {
  const { autoscaling, replicas } = agent.spec;
  if (autoscaling === undefined) {
    const message = `spec.autoscaling is not set; spec.replicas (${replicas}) decides on the number of pods.`;
    return { type: TYPE, status: 'False', reason: 'AutoscalingOff', message };
  }
  const { minReplicas, maxReplicas } = autoscaling;
  const rule =
    `Autoscaling decides on the number of pods, ${minReplicas} to ${maxReplicas}. spec.replicas and kubectl scale have no effect; ` +
    'change spec.autoscaling, or remove it.';
  return kedaCondition(observation, rule) ?? autoscalerCondition(observation, rule);
}

/** KEDA sets Ready to False if no trigger works, and to Unknown with a reason if some do not work. */
function kedaCondition({ scaledObject }: Scalers, rule: string): ConditionDraft | undefined {
  const ready = condition(scaledObject?.conditions, 'Ready');
  if (ready === undefined || ready.status === 'True' || !ready.reason) return undefined;
  return {
    type: TYPE,
    status: ready.status === 'False' ? 'False' : 'Unknown',
    reason: ready.reason,
    message: `KEDA does not scale by the ScaledObject: ${reportedText(ready.message ?? '', MAX_TEXT)}. ${rule}`,
  };
}

function autoscalerCondition({ autoscaler }: Scalers, rule: string): ConditionDraft {
  const active = condition(autoscaler?.conditions, 'ScalingActive');
  if (active === undefined) {
    const message = `The HorizontalPodAutoscaler has no status yet. ${rule}`;
    return { type: TYPE, status: 'Unknown', reason: 'Pending', message };
  }
  if (active.status === 'True') {
    return { type: TYPE, status: 'True', reason: active.reason ?? 'ScalingActive', message: rule };
  }
  return {
    type: TYPE,
    status: active.status === 'False' ? 'False' : 'Unknown',
    reason: active.reason ?? 'ScalingInactive',
    message: `The HorizontalPodAutoscaler does not scale: ${reportedText(active.message ?? '', MAX_TEXT)}. ${rule}`,
  };
}
