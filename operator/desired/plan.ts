/** Everything that one agent is to have, from its spec and the policies attached to it. */
import type { Content } from '../../contract/generated/types.ts';
import type { PolicyKind } from './attachment.ts';
import type { Problem } from './errors.ts';
import type { Deployment, Service, ServiceAccount } from './objects.ts';

/** What the operator gives every agent that does not choose for itself. */
export interface PlanOptions {
  /** Image of the runtime for agents without spec.image. */
  runtimeImage: string;
  /** Pull policy that goes with runtimeImage; the API server's default when absent. */
  runtimeImagePullPolicy?: string;
}

export interface PolicyRef {
  kind: PolicyKind;
  name: string;
}

/** A dependency and the policies in force on it; no breaker means the built-in defaults. */
export interface PlannedDependency {
  name: string;
  breaker?: string;
  limit?: string;
}

/**
 * content and hash are absent when no configuration can be made of the spec, deployment when no pod template
 * can be made; problems then says why, and what is there is still to be applied.
 */
export interface AgentPlan {
  content?: Content;
  hash?: string;
  serviceAccount: ServiceAccount;
  deployment?: Deployment;
  service: Service;
  dependencies: PlannedDependency[];
  /** Policies that hold a slot of the agent, sorted by kind and name. */
  policies: PolicyRef[];
  /** Image that new pods run. */
  image: string;
  /** Address of the agent inside the cluster. */
  endpoint: string;
  /** Label selector of the pods, as a string. */
  selector: string;
  problems: Problem[];
}
