import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { Policy } from '../desired/policies/attachment.ts';
import { summarizeBreaker } from '../status/breakerSummary.ts';
import { summarizeLimits } from '../status/limits.ts';
import type { AgentObservation } from '../status/observations.ts';
import { breakerStatus, limitStatus, type PolicyStatusInput } from '../status/policy.ts';

/** The input of a policy's status, with observations of its agents by name. */
type ObservedPolicy<P extends Policy> = PolicyStatusInput<P> & {
  agents: ReadonlyMap<string, AgentObservation>;
};

/** Summarises all agents in one step, where the operator merges summaries of each. */
export function breakerPolicyStatus({
  agents,
  ...input
}: ObservedPolicy<CircuitBreakerPolicy>): CircuitBreakerPolicyStatus {
  const { policy, won } = input.attachment;
  return breakerStatus({ ...input, seen: summarizeBreaker(policy, won, agents) });
}

/** Summarises all agents in one step, where the operator merges summaries of each. */
export function rateLimitPolicyStatus({
  agents,
  ...input
}: ObservedPolicy<RateLimitPolicy>): RateLimitPolicyStatus {
  const { policy, won } = input.attachment;
  return limitStatus({ ...input, seen: summarizeLimits(policy, won, agents) });
}
