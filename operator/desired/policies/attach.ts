import { isDeepStrictEqual } from 'node:util';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import type { Attachment, Policy } from './attachment.ts';
import { needsStore } from './limits.ts';
import { PolicyJoin } from './policyJoin.ts';
import { policyProblem } from './validity.ts';

/** The policies of one namespace. */
export interface Policies {
  breakers: readonly CircuitBreakerPolicy[];
  limits: readonly RateLimitPolicy[];
}

/** The policies and agents of one namespace, joined once; see PolicyJoin. */
export function attach(policies: Policies, agents: readonly AgentDeployment[]): Attachment {
  const join = joinOf(policies, agents);
  return {
    breakers: join.breakers.names().map((name) => join.breakers.get(name)!),
    limits: join.limits.names().map((name) => join.limits.get(name)!),
    agents: new Map(join.agentNames().map((name) => [name, join.agents.get(name)!])),
  };
}

/** The join itself, for later changes. */
export function joinOf(
  { breakers, limits }: Policies,
  agents: readonly AgentDeployment[],
): PolicyJoin {
  const join = new PolicyJoin();
  for (const agent of agents) join.setAgent(agent);
  for (const policy of [...breakers, ...limits]) join.setPolicy(policy);
  join.breakers.decide();
  join.limits.decide();
  return join;
}

/**
 * Whether two versions of one policy claim the same sections. Then their attachments differ only in the policy itself.
 * False for an invalid version, whose condition describes the fault.
 */
export function claimAlike(a: Policy, b: Policy): boolean {
  const reach = (policy: Policy): unknown[] => [
    policy.kind,
    policy.metadata.uid,
    policy.metadata.creationTimestamp,
    policy.spec.targetRefs,
    policy.spec.targetSelectors,
    storeOf(policy),
  ];
  return (
    isDeepStrictEqual(reach(a), reach(b)) &&
    policyProblem(a) === undefined &&
    policyProblem(b) === undefined
  );
}

/** The fields that determine whether an agent lacks a store that the policy needs. */
function storeOf(policy: Policy): unknown {
  if (policy.kind !== 'RateLimitPolicy') return undefined;
  return needsStore(policy) && policy.spec.fleet?.withoutLeader;
}
