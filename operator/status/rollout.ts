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
  const paused =
    progress?.reason === 'DeploymentPaused'
      ? ' Somebody paused the Deployment; resume it with kubectl rollout resume.'
      : '';
  return {
    state: 'RollingOut',
    message: `${updated}/${desired} pods run the present template.${paused}`,
  };
}

/** Progressing of a paused agent. */
export const PAUSED: ConditionDraft = {
  type: 'Progressing',
  status: 'False',
  reason: 'Paused',
  message:
    'The annotation breakwater.dev/paused holds the agent and the configuration of its pods as they are. Edits of it and of its policies wait.',
};

/** How far a new version of the operator is with the agent's pods. */
export interface UpgradeFacts {
  /** Image that the agent waits for its turn to get. */
  upgradeTo?: string;
  /** No agent that is well begins to roll, because too many got worse. */
  upgradeStopped?: true;
  /** The agent is one of those that got worse. */
  upgradeFailed?: true;
}

/** Progressing, as a Deployment has it: False when complete or failed. */
export function progressing(
  { state, message }: RollOut,
  { upgradeTo, upgradeStopped, upgradeFailed }: UpgradeFacts = {},
): ConditionDraft {
  if (state === 'Complete' && upgradeTo !== undefined) {
    if (upgradeStopped) return stopped(upgradeTo);
    const waits = `The agent waits for its turn to be upgraded to ${upgradeTo}.`;
    return { type: 'Progressing', status: 'True', reason: 'UpgradePending', message: waits };
  }
  if (state === 'Failed' && upgradeFailed) {
    const failed = `${message} The agent was well before the operator upgraded it.`;
    return { type: 'Progressing', status: 'False', reason: 'UpgradeFailed', message: failed };
  }
  const reasons = {
    Complete: 'RolledOut',
    RollingOut: 'RollingOut',
    Failed: 'ProgressDeadlineExceeded',
  };
  const status = state === 'RollingOut' ? 'True' : 'False';
  return { type: 'Progressing', status, reason: reasons[state], message };
}

function stopped(image: string): ConditionDraft {
  const message = `The upgrade to ${image} has stopped, because it made other agents worse. The agent keeps the pods that it has. The upgrade goes on when those recover, or with another version of the operator.`;
  return { type: 'Progressing', status: 'False', reason: 'UpgradeStopped', message };
}

/** Pods of the present template out of those desired, such as 2/3. */
export function updatedPods({ deployment }: AgentObservation, desired: number): string {
  const updated = deployment && isCurrent(deployment) ? deployment.updatedReplicas : 0;
  return `${Math.min(updated, desired)}/${desired}`;
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
