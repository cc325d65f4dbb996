import type { ConditionDraft } from '../desired/common/condition.ts';
import { list } from '../desired/common/wording.ts';
import type { PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';

const KINDS: readonly PolicyKind[] = ['CircuitBreakerPolicy', 'RateLimitPolicy'];

/**
 * breakwater.dev/KINDAffected, for each kind of policy that changes how the agent works
 * (GEP-713, https://gateway-api.sigs.k8s.io/geps/gep-713/).
 */
export function affectedConditions(policies: readonly PolicyRef[]): ConditionDraft[] {
  return KINDS.flatMap((kind) => {
    const names = policies.filter((policy) => policy.kind === kind).map(({ name }) => name);
    if (names.length === 0) return [];
    const message = `The agent is affected by ${kind} ${list(names)}.`;
    return {
      type: `breakwater.dev/${kind}Affected`,
      status: 'True' as const,
      reason: 'Accepted',
      message,
    };
  });
}
