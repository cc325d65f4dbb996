import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import type { Attachment } from './attachment.ts';
import { PolicyIndex } from './policyIndex.ts';

/** The policies of one namespace. */
export interface Policies {
  breakers: readonly CircuitBreakerPolicy[];
  limits: readonly RateLimitPolicy[];
}

/** The policies and agents of one namespace, joined once; see PolicyIndex. */
export function attach(policies: Policies, agents: readonly AgentDeployment[]): Attachment {
  const index = indexOf(policies, agents);
  return {
    breakers: index.breakers.names().map((name) => index.breakers.get(name)!),
    limits: index.limits.names().map((name) => index.limits.get(name)!),
    agents: new Map(index.agentNames().map((name) => [name, index.agents.get(name)!])),
  };
}

/** The index itself, for later changes. */
export function indexOf(
  { breakers, limits }: Policies,
  agents: readonly AgentDeployment[],
): PolicyIndex {
  const index = new PolicyIndex();
  for (const object of [...agents, ...breakers, ...limits]) index.apply(object, undefined);
  return index;
}
