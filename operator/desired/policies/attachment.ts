/** What attaching policies to agents results in; see attach.ts. */
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import type { ConditionDraft } from '../common/condition.ts';

export type Policy = CircuitBreakerPolicy | RateLimitPolicy;
export type PolicyKind = Policy['kind'];

/** A policy by its name in the namespace. */
export interface PolicyRef {
  kind: PolicyKind;
  name: string;
}

/** A place that at most one policy of a kind holds. */
export interface Slot {
  agent: string;
  /** A dependency such as model/primary; `inbound` for limits on what the agent takes. */
  section: string;
}

export interface LostSlot extends Slot {
  /** Name of the policy, of the same kind, that holds it. */
  winner: string;
}

/** A targetRef that leads nowhere: no such agent, or, with a section, no such dependency of it. */
export interface MissingTarget {
  agent: string;
  section?: string;
}

/** One policy and what came of it. All lists are sorted. */
export interface PolicyAttachment<P extends Policy = Policy> {
  policy: P;
  /** Names of the agents that exist and that the policy is for, whether or not it holds a slot there. */
  targets: string[];
  won: Slot[];
  lost: LostSlot[];
  missing: MissingTarget[];
  /** Accepted: Accepted, TargetNotFound, Conflicted or Invalid. */
  accepted: ConditionDraft;
  /** Overridden: NotOverridden, PartiallyOverridden or Overridden. */
  overridden: ConditionDraft;
}

/** One agent and the policies that hold its slots. Dependencies without a policy are not in the maps. */
export interface AgentAttachment {
  agent: AgentDeployment;
  /** By dependency. */
  circuits: ReadonlyMap<string, CircuitBreakerPolicy>;
  /** By `inbound` or dependency. */
  limits: ReadonlyMap<string, RateLimitPolicy>;
}

/** The policies and agents of one namespace, joined. */
export interface Attachment {
  breakers: PolicyAttachment<CircuitBreakerPolicy>[];
  limits: PolicyAttachment<RateLimitPolicy>[];
  /** By name; holds every agent that was given. */
  agents: ReadonlyMap<string, AgentAttachment>;
}
