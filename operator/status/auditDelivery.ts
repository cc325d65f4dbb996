import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { list } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation } from './observations.ts';
import { reportedText } from './reported.ts';

const TYPE = 'AuditDelivered';
const MAX_NAME = 64;

/** The condition AuditDelivered, while destinations of the audit do not take the events of some pods. */
export function auditDelivery(
  { spec, metadata }: AgentDeployment,
  observation: AgentObservation,
): ConditionDraft[] {
  const pods = livePods(observation).filter(({ connected }) => connected);
  const failing = pods.flatMap(({ snapshot }) => snapshot?.audit?.undelivered ?? []);
  if (failing.length === 0) return [];
  const names = [...new Set(failing)].map((name) => reportedText(name, MAX_NAME));
  const share = pods.filter(({ snapshot }) => snapshot?.audit?.undelivered?.length).length;
  const then = spec.audit?.required
    ? 'As spec.audit.required is set, pods refuse requests that they could not record.'
    : 'Pods serve on.';
  return [
    {
      ...{ type: TYPE, status: 'False', reason: 'AuditUndelivered' },
      message:
        `Audit events of ${share}/${pods.length} pods do not reach ${list(names)}. They wait in a queue of the pod, and are lost when it is full. ` +
        `${then} The pods' log tells the failure: kubectl breakwater logs ${metadata.name} --namespace ${metadata.namespace}.`,
    },
  ];
}
