import type { ConditionDraft } from './condition.ts';

/** Whether a kind that may be installed or not can be used; see OptionalInformer. */
export type Availability = 'Unknown' | 'Absent' | 'Forbidden' | 'Failing' | 'Served';

const LACKS = {
  Absent: { status: 'False', reason: 'NotInstalled' },
  Forbidden: { status: 'False', reason: 'Forbidden' },
  Failing: { status: 'False', reason: 'Failing' },
  Unknown: { status: 'Unknown', reason: 'Unknown' },
} as const;

/**
 * A condition on whether the cluster has the kinds that a spec asks for.
 * @param served reason of the condition if it has them
 */
export function availabilityCondition(
  { type, served }: { type: string; served: string },
  availability: Availability,
  messages: Record<Availability, string>,
): ConditionDraft {
  const verdict =
    availability === 'Served' ? ({ status: 'True', reason: served } as const) : LACKS[availability];
  return { type, ...verdict, message: messages[availability] };
}
