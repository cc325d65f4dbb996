import type { Condition } from '../../crds/meta.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { truncate } from '../desired/common/wording.ts';

const MAX_MESSAGE = 4096;

/**
 * Turns drafts into conditions. A condition whose status did not change keeps its lastTransitionTime, as metav1.Condition
 * requires.
 */
export function conditions(
  drafts: readonly ConditionDraft[],
  previous: readonly Condition[] | undefined,
  generation: number | undefined,
  now: Date,
): Condition[] {
  return drafts.map(({ type, status, reason, message }) => {
    const before = condition(previous, type);
    return {
      type,
      status,
      reason,
      message: truncate(message, MAX_MESSAGE),
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : seconds(now),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}

export function condition<C extends { type: string }>(
  all: readonly C[] | undefined,
  type: string,
): C | undefined {
  return all?.find((one) => one.type === type);
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
