import type { Policy } from './attachment.ts';
import { resolveCircuit } from './circuit.ts';
import { InvalidSpecError, type Problem } from '../common/errors.ts';
import { resolveLimits } from './limits.ts';

/**
 * The fault of a policy; undefined without one. The schema refuses all such faults. This check is for manifests that did
 * not pass an API server or were stored under another version of the schema.
 */
export function policyProblem(policy: Policy): Problem | undefined {
  try {
    checkTargets(policy);
    if (policy.kind === 'CircuitBreakerPolicy') resolveCircuit('any', policy, 1);
    else resolveLimits('any', policy, { replicas: 1 });
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
