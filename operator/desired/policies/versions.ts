import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { isPaused } from '../common/metadata.ts';
import type { Policy } from './attachment.ts';
import { clientLimits, needsStore } from './limits.ts';
import { policyProblem } from './validity.ts';

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
    policy.kind === 'RateLimitPolicy' && clientLimits(policy),
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

/** Whether two versions differ in no more than status or metadata such as managedFields. */
export function isSameVersion(
  a: KubernetesObject | undefined,
  b: KubernetesObject | undefined,
): boolean {
  return a !== undefined && b !== undefined && facts(a) === facts(b);
}

function facts(object: KubernetesObject): string {
  const { uid, generation, deletionTimestamp, labels = {} } = object.metadata;
  const sorted = Object.entries(labels).sort();
  return JSON.stringify([isPaused(object), uid, generation, deletionTimestamp, sorted]);
}
