import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../crds/generated/types.ts';
import type { Policy } from './attachment.ts';
import { parsePositiveDuration } from './duration.ts';
import { InvalidSpecError, type Problem } from './errors.ts';

/**
 * What is wrong with a policy in itself, or undefined. The schema refuses all of it; manifests that come without
 * an API server, or were stored under another version of the schema, have only this.
 */
export function policyProblem(policy: Policy): Problem | undefined {
  try {
    checkTargets(policy);
    if (policy.kind === 'CircuitBreakerPolicy') checkBreaker(policy);
    else checkLimits(policy);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidSpecError) return error;
    throw error;
  }
}

function checkTargets({ spec }: Policy): void {
  if ((spec.targetRefs === undefined) === (spec.targetSelectors === undefined)) {
    throw new InvalidSpecError('Invalid', 'set exactly one of targetRefs and targetSelectors');
  }
}

function checkBreaker({ spec }: CircuitBreakerPolicy): void {
  const open = parsePositiveDuration(spec.openDuration, 'spec.openDuration');
  const longest = parsePositiveDuration(spec.maxOpenDuration, 'spec.maxOpenDuration');
  if (open > longest) {
    throw new InvalidSpecError(
      'Invalid',
      `spec.openDuration (${spec.openDuration}) must not be longer than spec.maxOpenDuration (${spec.maxOpenDuration})`,
    );
  }
}

function checkLimits({ spec }: RateLimitPolicy): void {
  spec.limits.forEach(({ refill }, index) =>
    parsePositiveDuration(refill.per, `spec.limits[${index}].refill.per`),
  );
}
