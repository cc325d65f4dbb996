import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import { count, truncate } from '../desired/common/wording.ts';

const MAX_TARGET = 253;

/** The targets of a policy in short: `triage`, `triage/model/primary` or `3 agents`. */
export function describeTarget({ policy, targets }: PolicyAttachment<Policy>): string {
  const refs = policy.spec.targetRefs ?? [];
  const [first] = refs;
  if (first?.sectionName !== undefined && refs.length === 1) {
    return truncate(`${first.name}/${first.sectionName}`, MAX_TARGET);
  }
  const named = [...new Set(refs.map(({ name }) => name))];
  const unique = policy.spec.targetRefs === undefined ? targets : named;
  return unique.length === 1 ? unique[0]! : count(unique.length, 'agent');
}
