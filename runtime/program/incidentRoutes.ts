import type { Dashboard, IncidentReport } from '../../contract/generated/program.ts';
import { INCIDENT_LEVELS, INCIDENT_TYPES } from '../../contract/incidents.ts';
import type { Content } from '../../contract/generated/types.ts';
import { hashedName } from '../clients/clients.ts';
import { Bucket } from '../resilience/bucket.ts';
import type { DetectedClient, Detection, Incident } from '../security/incidents/incident.ts';
import type { Incidents } from '../security/incidents/incidents.ts';
import { checked } from './checks.ts';
import { REQUEST_HEADER } from './headers.ts';
import { LIMITED } from './localServer.ts';
import type { LocalAnswer, LocalCall, LocalRoutes } from './localServer.ts';
import type { OpenRequests } from './openRequests.ts';

export interface IncidentRoutesDeps {
  incidents: Pick<Incidents, 'of' | 'open' | 'opened' | 'openByLevel'>;
  report: (detection: Detection) => void;
  open: Pick<OpenRequests, 'find'>;
  auth: () => Content['auth'];
  /** Monotonic clock in milliseconds. */
  now: () => number;
}

/** Incidents per second that the program may report. */
export const PROGRAM_INCIDENTS_PER_SECOND = 10;

/** Takes the program's reports of incidents. They are marked as its own, and no text of it goes with them. */
export function incidentRoutes(deps: IncidentRoutesDeps): LocalRoutes {
  const perSecond = PROGRAM_INCIDENTS_PER_SECOND;
  const spec = { amount: perSecond, perMs: 1000, capacity: perSecond };
  const bucket = new Bucket(spec, deps.now());
  return {
    'POST /v1/incidents': {
      answer: (call, bytes): LocalAnswer => {
        const given = checked('IncidentReport', bytes);
        if ('failure' in given) return given;
        const now = deps.now();
        if (bucket.wait(1, now) > 0) return { failure: LIMITED };
        bucket.take(1, now);
        const detection = detectionOf(given.body, clientOf(given.body, call, deps));
        deps.report(detection);
        return { json: { id: deps.incidents.of(detection)?.id ?? '' } };
      },
    },
    'GET /v1/incidents': { answer: () => ({ json: dashboard(deps.incidents) }) },
  };
}

function detectionOf(
  { type, level }: IncidentReport,
  client: DetectedClient | undefined,
): Detection {
  return {
    ...{ type, level, form: 'Reported', asset: 'Access', denied: false, client },
    evidence: 'The program of the agent reported it.',
    resource: { type: 'program', name: 'program' },
  };
}

/** The client of a report. Its name in logs is that of the request; a name that only the program says is hashed. */
function clientOf(
  { client: id }: IncidentReport,
  { request }: LocalCall,
  { open, auth }: IncidentRoutesDeps,
): DetectedClient | undefined {
  const linked = open.find(String(request.headers[REQUEST_HEADER]))?.client;
  if (linked && linked.id !== '' && (id ?? linked.id) === linked.id) {
    const { authentication, name } = linked;
    return { id: linked.id, authentication, name };
  }
  const type = auth()?.type;
  return id === undefined
    ? undefined
    : { id, authentication: AUTHENTICATIONS[type ?? ''] ?? 'None', name: hashedName(id) };
}

const AUTHENTICATIONS: Record<string, DetectedClient['authentication']> = {
  APIKeys: 'APIKey',
  JWT: 'JWT',
};

function dashboard(incidents: IncidentRoutesDeps['incidents']): Dashboard {
  const open = incidents.open();
  const byType = INCIDENT_TYPES.map((type) => [type, incidents.opened[type]] as const);
  const levels = incidents.openByLevel();
  return {
    total: byType.reduce((sum, [, count]) => sum + count, 0),
    open: open.length,
    byLevel: Object.fromEntries(INCIDENT_LEVELS.map((level) => [level, levels[level]])),
    byType: Object.fromEntries(byType.filter(([, count]) => count > 0)),
    incidents: open
      .map(shown)
      .sort((a, b) => (a.lastAt < b.lastAt ? 1 : a.lastAt > b.lastAt ? -1 : 0)),
  };
}

function shown(incident: Readonly<Incident>): Dashboard['incidents'][number] {
  const { id, type, level, count, openedAt, lastAt, client, closed, form } = incident;
  return {
    ...{ id, type, level, count, open: !closed, reported: form === 'Reported' },
    openedAt: new Date(openedAt).toISOString(),
    lastAt: new Date(lastAt).toISOString(),
    ...(client !== undefined && { client }),
  };
}
