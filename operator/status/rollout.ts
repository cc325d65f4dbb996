import type { ConditionDraft } from '../desired/common/condition.ts';
import { list, truncate } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import { condition } from './conditions.ts';
import type { AgentObservation, DeploymentObservation } from './observations.ts';

export interface RollOut {
  state: 'Complete' | 'RollingOut' | 'Failed';
  message: string;
}

/** How far the Deployment is with the pods that the spec wants. */
export function rollOutOf({ deployment }: AgentObservation, desired: number): RollOut {
  if (deployment === undefined) {
    return { state: 'RollingOut', message: 'The Deployment is not there yet.' };
  }
  const progress = condition(deployment.conditions, 'Progressing');
  if (isCurrent(deployment) && progress?.reason === 'ProgressDeadlineExceeded') {
    return {
      state: 'Failed',
      message: `The roll-out makes no progress: ${progress.message ?? progress.reason}.`,
    };
  }
  if (isComplete(deployment, desired)) {
    return { state: 'Complete', message: `${desired}/${desired} pods run the present template.` };
  }
  const updated = Math.min(deployment.updatedReplicas, desired);
  return { state: 'RollingOut', message: `${updated}/${desired} pods run the present template.` };
}

/** Progressing of a paused agent. */
export const PAUSED: ConditionDraft = {
  type: 'Progressing',
  status: 'False',
  reason: 'Paused',
  message:
    'The annotation breakwater.dev/paused holds the agent and the configuration of its pods as they are. Edits of it and of its policies wait.',
};

/**
 * Progressing, as a Deployment has it: False when complete or failed.
 * @param upgradeTo image that the agent waits for its turn to get
 */
export function progressing({ state, message }: RollOut, upgradeTo?: string): ConditionDraft {
  if (state === 'Complete' && upgradeTo !== undefined) {
    const waits = `The agent waits for its turn to be upgraded to ${upgradeTo}.`;
    return { type: 'Progressing', status: 'True', reason: 'UpgradePending', message: waits };
  }
  const reasons = {
    Complete: 'RolledOut',
    RollingOut: 'RollingOut',
    Failed: 'ProgressDeadlineExceeded',
  };
  const status = state === 'RollingOut' ? 'True' : 'False';
  return { type: 'Progressing', status, reason: reasons[state], message };
}

/** Why pods are not ready, as far as it is known: failed creations and waiting containers. */
export function obstacles(observation: AgentObservation): string {
  const failure = condition(observation.deployment?.conditions, 'ReplicaFailure');
  const creation = failure?.status === 'True' ? [`Pods cannot be created: ${failure.message}`] : [];
  const unready = livePods(observation).filter(({ ready }) => !ready);
  const waiting = unready.flatMap(({ name, waiting: why }) =>
    why === undefined
      ? []
      : [
          `Pod ${name}, container ${why.container}: ${[why.reason, why.message].filter(Boolean).join(': ')}`,
        ],
  );
  const named = unready.length === 0 ? [] : [`Not ready: ${list(unready.map(({ name }) => name))}`];
  const all = [...creation, ...(waiting.length > 0 ? waiting.slice(0, 3) : named)];
  return truncate(all.map((text) => `${text.replace(/\.$/, '')}.`).join(' '), 1024);
}

function isCurrent({ generation, observedGeneration }: DeploymentObservation): boolean {
  return observedGeneration >= generation;
}

/**
 * Whether every pod is of the present template and was ready once. The Deployment says the latter with
 * NewReplicaSetAvailable; a pod that is lost later does not take it back.
 */
function isComplete(deployment: DeploymentObservation, desired: number): boolean {
  const { replicas, updatedReplicas, readyReplicas, conditions } = deployment;
  if (!isCurrent(deployment) || updatedReplicas < desired || replicas > updatedReplicas)
    return false;
  const reason = condition(conditions, 'Progressing')?.reason;
  return reason === 'NewReplicaSetAvailable' || readyReplicas >= desired;
}
