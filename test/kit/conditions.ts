import type { Condition, KubernetesObject } from '../../crds/meta.ts';

/** Any object that has conditions. */
export interface WithConditions extends KubernetesObject {
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

/** The object's condition of this type, if it has one. */
export function condition(object: WithConditions, type: string): Condition | undefined {
  return object.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Whether the condition has this status (and reason), judged on the object's present spec. */
export function hasCondition(
  object: WithConditions,
  type: string,
  status: Condition['status'],
  reason?: string,
): boolean {
  const found = condition(object, type);
  return (
    found?.status === status &&
    (reason === undefined || found.reason === reason) &&
    (found.observedGeneration ?? 0) >= (object.metadata.generation ?? 0)
  );
}
