import type { Incident, Detection } from '../incidents/incident.ts';
import { RUNTIME } from './audit.ts';
import type { AuditEvent } from './event.ts';

/** The event of an incident that opened or rose; both have the incident's id. */
export function incidentEvent(
  { id, type, form, level, count, resource, evidence }: Readonly<Incident>,
  { client, source, denied, conversation, requestId, traceId }: Detection,
  { change, time }: { change: 'Opened' | 'Raised'; time: number },
): AuditEvent {
  return {
    ...{ type: 'SecurityIncident', time, operation: 'incidents.report', message: evidence },
    outcome: denied ? 'Denied' : 'Success',
    actor: client ? { kind: 'Client', ...client } : RUNTIME,
    reason: type,
    ...{ source, conversation, requestId, traceId, resource },
    incident: {
      ...{ id, title: form === undefined ? type : `${type}: ${form}`, level, count },
      raised: change === 'Raised',
    },
  };
}
