import type { IncidentReport, SecurityReport } from '../../contract/generated/types.ts';
import { INCIDENT_TYPES } from '../../contract/incidents.ts';
import type { Incident } from '../security/incidents/incident.ts';
import type { Incidents } from '../security/incidents/incidents.ts';

/** Incidents that are told one by one. */
const MAX_TOLD = 8;

/** What the operator is told of incidents. */
export function securityReport(incidents: Incidents): SecurityReport {
  const open = incidents.open();
  const { last } = incidents;
  return {
    open: open.length,
    incidents: open.slice(0, MAX_TOLD).map(reported),
    ...(last && { last: reported(last) }),
    counts: INCIDENT_TYPES.map((type) => ({ type, count: incidents.opened[type] })).filter(
      ({ count }) => count > 0,
    ),
  };
}

function reported(incident: Readonly<Incident>): IncidentReport {
  const { id, type, form, level, count, openedAt, lastAt } = incident;
  const { client, source, resource, evidence } = incident;
  return {
    ...{ id, type, level, count },
    since: new Date(openedAt).toISOString(),
    lastSeen: new Date(lastAt).toISOString(),
    message: evidence,
    ...(form !== undefined && { form }),
    ...(client !== undefined && { client }),
    ...(source !== undefined && { source }),
    ...(resource && { resource: `${resource.type}/${resource.name}` }),
  };
}
