import type { IncidentReport, ResponseReport } from '../../contract/generated/types.ts';
import { INCIDENT_LEVELS, INCIDENT_TYPES, gravity, typesNow } from '../../contract/incidents.ts';
import type { IncidentLevel, IncidentType } from '../../contract/incidents.ts';
import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation } from './observations.ts';
import { earliest, latest, reportedText, reportedTime } from './reported.ts';
import { sum } from './sum.ts';

export type ShownSecurity = NonNullable<AgentDeploymentStatus['security']>;
export type ShownIncident = NonNullable<ShownSecurity['open']>[number];
export type ShownResponse = NonNullable<ShownSecurity['responses']>[number];

/** Incidents, and likewise responses, that status lists. */
const MAX_SHOWN = 10;

/**
 * Attacks that live, connected pods report. The last incident stays after the end of its pod. Empty before the first
 * report.
 */
export function securityOf(
  observation: AgentObservation,
  before: ShownSecurity | undefined,
): Pick<AgentDeploymentStatus, 'security'> {
  const previous = before && today(before);
  const reports = livePods(observation).flatMap(({ name, connected, snapshot }) =>
    connected && snapshot?.security ? [{ pod: name, report: snapshot.security }] : [],
  );
  if (reports.length === 0) return previous ? { security: previous } : {};
  const open = reports
    .flatMap(({ pod, report }) => report.incidents.map((one) => shown(pod, one)))
    .filter((one) => one !== undefined)
    .sort(gravestFirst);
  const last = [
    ...reports.map(({ pod, report }) => report.last && shown(pod, report.last)),
    previous?.last,
  ]
    .filter((one) => one !== undefined)
    .sort((a, b) => Date.parse(b.since) - Date.parse(a.since))[0];
  const counts = INCIDENT_TYPES.map((type) => ({
    type,
    count: sum(reports, ({ report }) => countOf(report.counts, type)),
  })).filter(({ count }) => count > 0);
  return {
    security: {
      level: open[0]?.level ?? 'None',
      openIncidents: Math.min(
        sum(reports, ({ report }) => report.open),
        MAX_INT32,
      ),
      open: open.slice(0, MAX_SHOWN),
      ...(last && { last }),
      total: Math.min(
        sum(counts, ({ count }) => count),
        Number.MAX_SAFE_INTEGER,
      ),
      levels: levelsOf(reports.flatMap(({ report }) => report.levels ?? [])),
      counts,
      responsesInForce: Math.min(
        sum(reports, ({ report }) => report.responsesInForce ?? 0),
        MAX_INT32,
      ),
      responses: inForce(reports.flatMap(({ report }) => report.responses ?? [])),
    },
  };
}

function levelsOf(
  reported: readonly { level: IncidentLevel; open: number; total: number }[],
): NonNullable<ShownSecurity['levels']> {
  return INCIDENT_LEVELS.toReversed()
    .map((level) => {
      const of = reported.filter((each) => each.level === level);
      const figure = (name: 'open' | 'total'): number =>
        Math.min(
          sum(of, (each) => each[name]),
          Number.MAX_SAFE_INTEGER,
        );
      return { level, open: figure('open'), total: figure('total') };
    })
    .filter(({ total }) => total > 0);
}

const MAX_INT32 = 2_147_483_647;

function countOf(
  counts: readonly { type: string; count: number }[],
  incident: (typeof INCIDENT_TYPES)[number],
): number {
  return sum(counts, ({ type, count }) => (typesNow(type)[0] === incident ? count : 0));
}

/** What an earlier version has written, with the names that types have now. */
function today({
  open = [],
  last,
  counts = [],
  responses = [],
  ...rest
}: ShownSecurity): ShownSecurity {
  const named = <T extends { type: string }>(all: readonly T[]): (T & { type: IncidentType })[] =>
    all.flatMap((each) =>
      typesNow(each.type)
        .slice(0, 1)
        .map((type) => ({ ...each, type })),
    );
  const [lastNow] = named(last ? [last] : []);
  return {
    ...rest,
    open: named(open),
    ...(lastNow && { last: lastNow }),
    counts: named(counts),
    responses: named(responses),
  };
}

/** Undefined if its times are invalid, or its type is unknown. */
function shown(pod: string, incident: IncidentReport): ShownIncident | undefined {
  const { level, count, form, client, source, resource } = incident;
  const [type] = typesNow(incident.type);
  if (type === undefined) return undefined;
  const since = reportedTime(incident.since);
  const lastSeen = reportedTime(incident.lastSeen);
  if (since === undefined || lastSeen === undefined) return undefined;
  return {
    ...{ id: reportedText(incident.id, 64), type, level, pod, since, lastSeen },
    count: Math.min(count, Number.MAX_SAFE_INTEGER),
    message: reportedText(incident.message, 256),
    ...(form !== undefined && { form: reportedText(form, 32) }),
    ...(client !== undefined && { client: reportedText(client, 128) }),
    ...(source !== undefined && { source: reportedText(source, 64) }),
    ...(resource !== undefined && { resource: reportedText(resource, 256) }),
  };
}

/** The responses of all pods, the strictest first. Equal ones of several pods count as one. */
function inForce(reported: readonly ResponseReport[]): ShownResponse[] {
  const shownOnes = reported.map(shownResponse).filter((one) => one !== undefined);
  const same = Map.groupBy(shownOnes, ({ action, client, source }) =>
    JSON.stringify([action, client, source]),
  );
  return Array.from(same.values(), merged).sort(strictestFirst).slice(0, MAX_SHOWN);
}

/** Undefined if its times are invalid, or its type is unknown. */
function shownResponse(response: ResponseReport): ShownResponse | undefined {
  const { action, client, source, incident, level } = response;
  const [type] = typesNow(response.type);
  const since = reportedTime(response.since);
  const until = reportedTime(response.until);
  if (type === undefined || since === undefined) return undefined;
  if (response.until !== undefined && until === undefined) return undefined;
  return {
    ...{ action, type, level, pods: 1, since },
    incident: reportedText(incident, 64),
    ...(client !== undefined && { client: reportedText(client, 128) }),
    ...(source !== undefined && { source: reportedText(source, 64) }),
    ...(until !== undefined && { until }),
  };
}

/** Merges a response of several pods: that for the gravest incident, from the first start to the last end. */
function merged(all: readonly ShownResponse[]): ShownResponse {
  const { until: _, ...gravest } = all.toSorted((a, b) => gravity(b.level) - gravity(a.level))[0]!;
  const ends = all.map(({ until }) => until);
  const last = ends.includes(undefined) ? undefined : latest(ends);
  return {
    ...gravest,
    pods: all.length,
    since: earliest(all.map(({ since }) => since))!,
    ...(last !== undefined && { until: last }),
  };
}

function strictestFirst(a: ShownResponse, b: ShownResponse): number {
  const block = ({ action }: ShownResponse): number => (action === 'Block' ? 1 : 0);
  return (
    block(b) - block(a) ||
    gravity(b.level) - gravity(a.level) ||
    Date.parse(b.since) - Date.parse(a.since)
  );
}

/** The strictest action in force on any client. */
export function strictestAction(security: ShownSecurity | undefined): string {
  return security?.responses?.[0]?.action ?? 'None';
}

function gravestFirst(a: ShownIncident, b: ShownIncident): number {
  return gravity(b.level) - gravity(a.level) || Date.parse(b.since) - Date.parse(a.since);
}

/** Incidents that are new in `next` or have escalated. */
export function newIncidents(
  previous: ShownSecurity | undefined,
  next: ShownSecurity | undefined,
): ShownIncident[] {
  const before = new Map(all(previous).map(({ id, level }) => [id, gravity(level)]));
  const now = new Map(all(next).map((incident) => [incident.id, incident]));
  return [...now.values()].filter(({ id, level }) => (before.get(id) ?? -1) < gravity(level));
}

function all(security: ShownSecurity | undefined): ShownIncident[] {
  const { open = [], last } = security ?? {};
  return [...(last ? [last] : []), ...open];
}

/** The incident in a sentence. */
export function describeIncident(incident: ShownIncident): string {
  const { type, form, level, count, client, source, resource, pod, message } = incident;
  const what = form === undefined ? type : `${type} (${form})`;
  const by = client === undefined ? '' : ` by client ${client}`;
  const from = source === undefined ? '' : ` from ${source}`;
  const on = resource === undefined ? '' : ` on ${resource}`;
  return `${level} threat: ${what}${by}${from}${on}, seen ${count} times in pod ${pod}. ${message}`;
}
