/** Result of attaching policies to agents; see attach.ts. */
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

/** A part of an agent. At most one policy of a kind is in force on it. */
export interface Section {
  agent: string;
  /** A dependency such as model/primary; `inbound` for limits on what the agent takes. */
  section: string;
}

export interface LostSection extends Section {
  /** Name of the policy of the same kind that is in force instead. */
  winner: string;
}

/** A targetRef to a missing agent or, with a section, to a dependency that the agent lacks. */
export interface MissingTarget {
  agent: string;
  section?: string;
}

/** One policy and where it is in force. All lists are sorted. */
export interface PolicyAttachment<P extends Policy = Policy> {
  policy: P;
  /** Names of the existing agents that the policy selects, even where another policy takes precedence. */
  targets: string[];
  won: Section[];
  lost: LostSection[];
  missing: MissingTarget[];
  /** Accepted: Accepted, NoTargets, TargetNotFound, StoreNotFound, ClientsUnknown, Conflicted or Invalid. */
  accepted: ConditionDraft;
  /** Overridden: NotOverridden, PartiallyOverridden or Overridden. */
  overridden: ConditionDraft;
}

/** One agent and the policies in force on it. Dependencies without a policy are not in the maps. */
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
  /** By name; contains every given agent. */
  agents: ReadonlyMap<string, AgentAttachment>;
}
