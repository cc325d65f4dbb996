import type { Configuration } from '../../contract/generated/types.ts';
import type { AgentPlan } from '../desired/plan.ts';
import type { PlanFacts } from '../status/agent.ts';
import type { ApplyError } from '../status/observations.ts';
import type { AttachedVersions } from './attachedVersions.ts';

/** What the last reconcile of an agent came to. Status is made from it. */
export interface AgentState extends Applied {
  plan: PlanFacts & Pick<AgentPlan, 'hash' | 'waiting'>;
  /** Whether the agent is paused: its objects and its configuration stay as they are. */
  paused: boolean;
  /** The versions of the agent and its policies that this came from. */
  attachment: AttachedVersions;
}

/** What became of the objects that were applied. */
export interface Applied {
  /** Absent while no configuration can be made of the spec. */
  configuration?: Configuration;
  /** When pods were told of this configuration first, in monotonic milliseconds. */
  configuredAt?: number;
  applyErrors: ApplyError[];
  /** Generation of the Deployment after it was applied: what its informer has may be older. */
  deploymentGeneration?: number;
}
