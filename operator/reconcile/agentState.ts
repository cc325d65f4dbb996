import type { Configuration } from '../../contract/generated/types.ts';
import type { AgentPlan } from '../desired/plan.ts';
import type { PlanFacts } from '../status/agent.ts';
import type { ApplyError, Contest } from '../status/observations.ts';
import type { AttachedVersions } from './attachedVersions.ts';

/** Result of an agent's last reconcile, from which its status is made. */
export interface AgentState extends Applied {
  plan: PlanFacts & Pick<AgentPlan, 'hash'>;
  /** Whether the agent is paused: its objects and its configuration stay as they are. */
  paused: boolean;
  /** Versions of the agent and its policies that were reconciled. */
  attachment: AttachedVersions;
}

/** A contest over an object, as of one reconcile. */
export interface HeldContest extends Contest {
  /** Whether the object was left as it is. */
  held: boolean;
  /** Milliseconds until the object may be put back, or until the contest may have ended. */
  lookAgainMs: number;
}

/** Result of applying a plan. */
export interface Applied {
  /** Absent while the spec results in no configuration. */
  configuration?: Configuration;
  /** When pods were first sent this configuration, in monotonic milliseconds. */
  configuredAt?: number;
  applyErrors: ApplyError[];
  /** Absent: none. */
  contests?: readonly HeldContest[];
  /** Generation of the Deployment after it was applied. The informer may still have an older one. */
  deploymentGeneration?: number;
}
