import { randomUUID } from 'node:crypto';
import { OCSF_VERSION } from '../../../contract/audit.ts';
import type { AuditType } from '../../../contract/audit.ts';
import type { Actor, AuditEvent } from './event.ts';
import { vendorOf } from './operations.ts';

/** The process that writes events. */
export interface Origin {
  namespace: string;
  /** Empty until the first configuration. */
  agent: string;
  pod: string;
  podUid: string;
  version: string;
}

type Json = Record<string, unknown>;

/** A class of OCSF: [uid of the category, uid of the class, caption]. */
const API = [6, 6003, 'API Activity'] as const;
const AUTHENTICATION = [3, 3002, 'Authentication'] as const;
const FINDING = [2, 2004, 'Detection Finding'] as const;

/** Activities with a number in OCSF's API Activity; all others are 99, Other. */
const ACTIVITIES: Partial<Record<AuditType, [uid: number, caption: string]>> = {
  ConversationStarted: [1, 'Create'],
  ConversationErased: [4, 'Delete'],
  ConfigurationApplied: [3, 'Update'],
};
const OTHER = 99;

const SEVERITIES = { Informational: 1, Low: 2, Medium: 3, High: 4, Critical: 5 } as const;

/** Longest text from a client, and longest arguments of a tool, in characters. */
const MAX_TEXT = 256;
const MAX_ARGUMENTS = 4096;

/** The event as OCSF JSON, before sealing. */
export function toOcsf(event: AuditEvent, origin: Origin): Json & { metadata: Json } {
  if (event.type === 'SecurityIncident') return finding(event, origin);
  if (event.type === 'AuthenticationSucceeded' || event.type === 'AuthenticationFailed') {
    return authentication(event, origin);
  }
  return apiActivity(event, origin);
}

type Ocsf = ReturnType<typeof toOcsf>;

function apiActivity(event: AuditEvent, origin: Origin): Ocsf {
  const [activity, caption] = ACTIVITIES[event.type] ?? [OTHER, event.type];
  return {
    ...base(event, origin, API, [activity, caption]),
    ...context(event, origin),
    actor: actor(event),
    api: api(event, origin),
    ...(event.resource && { resources: [resource(event.resource)] }),
    ...(event.status !== undefined && { http_response: { code: event.status } }),
    src_endpoint: source(event, origin),
    ...(event.traceId !== undefined && { trace: { uid: event.traceId } }),
    ...(event.program && { unmapped: { program: event.program } }),
  };
}

function authentication(event: AuditEvent, origin: Origin): Ocsf {
  const { actor: who } = event;
  const method = who.kind === 'Client' ? who.authentication : 'None';
  return {
    ...base(event, origin, AUTHENTICATION, [1, 'Logon']),
    ...context(event, origin),
    auth_protocol_id: OTHER,
    auth_protocol: method,
    is_remote: true,
    service: service(origin),
    src_endpoint: source(event, origin),
    user: user(who),
    ...(event.status !== undefined && { status_code: event.reason ?? `${event.status}` }),
  };
}

function finding(event: AuditEvent, origin: Origin): Ocsf {
  const { incident } = event;
  return {
    ...base(event, origin, FINDING, incident?.raised ? [2, 'Update'] : [1, 'Create']),
    ...context(event, origin),
    status: 'New',
    status_id: 1,
    ...(incident?.count !== undefined && { count: incident.count }),
    evidences: [{ actor: actor(event), src_endpoint: source(event, origin) }],
    finding_info: findingInfo(event),
    ...(event.resource && { resources: [resource(event.resource)] }),
    is_alert: true,
  };
}

function findingInfo({ incident, message, time, reason, type }: AuditEvent): Json {
  return {
    uid: incident?.id ?? randomUUID(),
    title: text(incident?.title ?? type),
    desc: text(message),
    created_time: time,
    types: [text(reason ?? type)],
  };
}

function base(
  event: AuditEvent,
  origin: Origin,
  [category, uid, caption]: readonly [number, number, string],
  [activity, activityName]: readonly [number, string],
): Ocsf {
  const severity = severityOf(event);
  const profiles = ['security_control'];
  if (event.model !== undefined || event.tokens) profiles.push('ai_operation');
  if (uid === API[1] && event.traceId !== undefined) profiles.push('trace');
  return {
    activity_id: activity,
    activity_name: activityName,
    category_uid: category,
    class_name: caption,
    class_uid: uid,
    message: text(event.message),
    metadata: {
      ...(event.requestId !== undefined && { correlation_uid: event.requestId }),
      event_code: event.type,
      ...(event.upstreamId !== undefined && { original_event_uid: text(event.upstreamId) }),
      log_name: 'audit',
      product: { name: 'Breakwater', vendor_name: 'Breakwater', version: origin.version },
      profiles,
      source: `${origin.namespace}/${origin.agent}/${origin.pod}`,
      uid: randomUUID(),
      version: OCSF_VERSION,
      ...(isCut(event) && { is_truncated: true }),
    },
    severity,
    severity_id: SEVERITIES[severity],
    time: event.time,
    type_uid: uid * 100 + activity,
  };
}

/** The outcome, and the parts that profiles add. */
function context(event: AuditEvent, origin: Origin): Json {
  const { outcome, reason, policy } = event;
  const denied = outcome === 'Denied';
  const success = outcome === 'Success';
  return {
    status: success ? 'Success' : 'Failure',
    status_id: success ? 1 : 2,
    ...(reason !== undefined && { status_code: text(reason) }),
    action: denied ? 'Denied' : 'Allowed',
    action_id: denied ? 2 : 1,
    disposition: denied ? 'Blocked' : 'Allowed',
    disposition_id: denied ? 2 : 1,
    ...(policy !== undefined && { policy: { name: text(policy) } }),
    ...operation(event, origin),
  };
}

/** The profile ai_operation. */
function operation(event: AuditEvent, origin: Origin): Json {
  const { model, tokens, conversation } = event;
  const { inputTokens, outputTokens } = tokens ?? {};
  if (model === undefined && !tokens) return {};
  return {
    ...(model !== undefined && {
      ai_model: { ai_provider: vendorOf(event.operation), name: text(model) },
    }),
    message_context: {
      service: service(origin),
      ...(conversation !== undefined && { uid: text(conversation) }),
      ...(inputTokens !== undefined && { prompt_tokens: inputTokens }),
      ...(outputTokens !== undefined && { completion_tokens: outputTokens }),
      ...(inputTokens !== undefined &&
        outputTokens !== undefined && { total_tokens: inputTokens + outputTokens }),
    },
  };
}

function api(event: AuditEvent, origin: Origin): Json {
  const { requestId, reason, status, outcome } = event;
  const given = argumentsOf(event);
  return {
    operation: event.operation,
    service: service(origin),
    ...(requestId !== undefined && {
      request: { uid: requestId, ...(given !== undefined && { data: given }) },
    }),
    ...(status !== undefined && {
      response: {
        code: status,
        ...(outcome !== 'Success' && reason !== undefined && { error: text(reason) }),
      },
    }),
  };
}

/** The arguments as a bounded JSON string. */
function argumentsOf(event: AuditEvent): string | undefined {
  if (event.arguments === undefined) return undefined;
  return JSON.stringify(event.arguments).slice(0, MAX_ARGUMENTS).toWellFormed();
}

function isCut({ arguments: given }: AuditEvent): boolean {
  return given !== undefined && JSON.stringify(given).length > MAX_ARGUMENTS;
}

function actor({ actor: who, conversation }: AuditEvent): Json {
  const session = conversation !== undefined && { session: { uid: text(conversation) } };
  if (who.kind === 'Program') return { app_name: who.name, ...session };
  return { user: user(who), ...session };
}

/** OCSF has no number for clients by keys or tokens: 99, Other. */
function user(who: Actor): Json {
  if (who.kind === 'Program') return { name: who.name };
  const name = who.id === '' ? 'anonymous' : text(who.id);
  return { uid: name, name, type: who.authentication, type_id: OTHER };
}

function source({ source: ip }: AuditEvent, { pod, podUid }: Origin): Json {
  return ip === undefined ? { name: pod, uid: podUid } : { ip };
}

function service({ namespace, agent }: Origin): Json {
  return { name: agent, uid: `${namespace}/${agent}` };
}

function resource({ type, name }: NonNullable<AuditEvent['resource']>): Json {
  return { type, name: text(name), uid: `${type}/${text(name)}` };
}

function severityOf({ incident, outcome, type }: AuditEvent): keyof typeof SEVERITIES {
  if (incident) return incident.level;
  if (type === 'AuthenticationFailed' || type === 'AuthorizationDenied') return 'Medium';
  return outcome === 'Success' ? 'Informational' : 'Low';
}

/** Text from a client: bounded, and with only one form in JSON. */
function text(value: string): string {
  return value.slice(0, MAX_TEXT).toWellFormed();
}
