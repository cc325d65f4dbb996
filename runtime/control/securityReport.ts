import type {
  IncidentReport,
  ResponseReport,
  SecurityReport,
} from '../../contract/generated/types.ts';
import { INCIDENT_LEVELS, INCIDENT_TYPES } from '../../contract/incidents.ts';
import type { Incident } from '../security/incidents/incident.ts';
import type { Incidents } from '../security/incidents/incidents.ts';
import type { ResponseInForce, Responses } from '../security/incidents/responses.ts';

/** Largest number of incidents, and of responses, in a report. */
const MAX_TOLD = 8;

/** Report on incidents and responses. */
export function securityReport({
  incidents,
  responses,
}: {
  incidents: Incidents;
  responses: Pick<Responses, 'inForce'>;
}): SecurityReport {
  const open = incidents.open();
  const inForce = responses.inForce();
  const { last } = incidents;
  return {
    open: open.length,
    incidents: open.slice(0, MAX_TOLD).map(reported),
    ...(last && { last: reported(last) }),
    counts: INCIDENT_TYPES.map((type) => ({ type, count: incidents.opened[type] })).filter(
      ({ count }) => count > 0,
    ),
    levels: levelsOf(incidents),
    responsesInForce: inForce.length,
    responses: inForce.slice(0, MAX_TOLD).map(responseReported),
  };
}

function levelsOf(incidents: Incidents): NonNullable<SecurityReport['levels']> {
  const open = incidents.openByLevel();
  const reached = Object.values(incidents.counts);
  return INCIDENT_LEVELS.map((level) => ({
    level,
    open: open[level],
    total: reached.reduce((sum, counts) => sum + counts[level], 0),
  })).filter(({ total }) => total > 0);
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

function responseReported(response: ResponseInForce): ResponseReport {
  const { action, client, source, since, until, incident } = response;
  return {
    ...{ action, incident: incident.id, type: incident.type, level: incident.level },
    since: new Date(since).toISOString(),
    ...(client !== undefined && { client }),
    ...(source !== undefined && { source }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}
