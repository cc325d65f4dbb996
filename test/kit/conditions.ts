import type { Condition, KubernetesObject } from '../../crds/meta.ts';

export interface WithConditions extends KubernetesObject {
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

export function condition(object: WithConditions, type: string): Condition | undefined {
  return object.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Whether the condition has this status (and reason) for the object's current generation. */
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
