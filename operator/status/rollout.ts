import type { ConditionDraft } from '../desired/common/condition.ts';
import { list, truncate } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import { condition } from './conditions.ts';
import type { AgentObservation, DeploymentObservation, PodObservation } from './observations.ts';

export interface RollOut {
  state: 'Complete' | 'RollingOut' | 'Failed';
  message: string;
}

/** The state of the Deployment's rollout. */
export function rollOutOf({ deployment }: AgentObservation, desired: number): RollOut {
  if (deployment === undefined) {
    return { state: 'RollingOut', message: 'The Deployment does not exist yet.' };
  }
  const progress = condition(deployment.conditions, 'Progressing');
  if (isCurrent(deployment) && progress?.reason === 'ProgressDeadlineExceeded') {
    return {
      state: 'Failed',
      message: `The rollout makes no progress: ${progress.message ?? progress.reason}.`,
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

/** The condition Progressing of a paused agent. */
export const PAUSED: ConditionDraft = {
  type: 'Progressing',
  status: 'False',
  reason: 'Paused',
  message:
    'The annotation breakwater.dev/paused holds the agent and the configuration of its pods as they are. Edits of it and of its policies wait.',
};

/** How a new version of the operator upgrades the agent's pods. */
export interface UpgradeFacts {
  /** The image that the agent gets when it is its turn. */
  upgradeTo?: string;
  /** No other agent begins to roll, because too many have failed. */
  upgradeStopped?: true;
  /** The agent is one of those that failed. */
  upgradeFailed?: true;
}

/** The condition Progressing. Unlike a Deployment's it is False after a complete rollout. */
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

/** Pods of the current template out of the desired pods, such as 2/3. */
export function updatedPods({ deployment }: AgentObservation, desired: number): string {
  const updated = deployment && isCurrent(deployment) ? deployment.updatedReplicas : 0;
  return `${Math.min(updated, desired)}/${desired}`;
}

/** Known reasons of unready pods: failed creations, no node and waiting containers. Empty: none is known. */
export function blockers(observation: AgentObservation): string {
  const failure = condition(observation.deployment?.conditions, 'ReplicaFailure');
  const creation = failure?.status === 'True' ? [`Pods cannot be created: ${failure.message}`] : [];
  const waiting = unreadyPods(observation).flatMap(({ name, waiting: why, unscheduled }) => {
    if (unscheduled !== undefined) return [`Pod ${name} has no node: ${unscheduled}`];
    if (why === undefined) return [];
    return [
      `Pod ${name}, container ${why.container}: ${[why.reason, why.message].filter(Boolean).join(': ')}`,
    ];
  });
  const all = [...creation, ...waiting.slice(0, 3)];
  return truncate(all.map((text) => `${text.replace(/\.$/, '')}.`).join(' '), 1024);
}

/** The reasons of unready pods, or their names if no reason is known. */
export function obstacles(observation: AgentObservation): string {
  const known = blockers(observation);
  const unready = unreadyPods(observation);
  if (known !== '' || unready.length === 0) return known;
  return `Not ready: ${list(unready.map(({ name }) => name))}.`;
}

function unreadyPods(observation: AgentObservation): PodObservation[] {
  return livePods(observation).filter(({ ready }) => !ready);
}

function isCurrent({ generation, observedGeneration }: DeploymentObservation): boolean {
  return observedGeneration >= generation;
}

/**
 * Whether every pod has the current template and was ready once. NewReplicaSetAvailable says the latter, and stays after
 * the later loss of a pod.
 */
function isComplete(deployment: DeploymentObservation, desired: number): boolean {
  const { replicas, updatedReplicas, readyReplicas, conditions } = deployment;
  if (!isCurrent(deployment) || updatedReplicas < desired || replicas > updatedReplicas)
    return false;
  const reason = condition(conditions, 'Progressing')?.reason;
  return reason === 'NewReplicaSetAvailable' || readyReplicas >= desired;
}
