import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Version of the Open Cybersecurity Schema Framework that audit events follow. */
export const OCSF_VERSION = '1.8.0';

/** Types of audit events, as in `metadata.event_code`. */
export const AUDIT_TYPES = [
  'AuthenticationSucceeded',
  'AuthenticationFailed',
  'AuthorizationDenied',
  'RequestMade',
  'ToolCalled',
  'McpToolCalled',
  'ConfigurationApplied',
  'OverrideSet',
  'OverrideLifted',
  'CircuitReset',
  'CircuitOpened',
  'CircuitClosed',
  'LimitHit',
  'ConversationStarted',
  'ConversationEnded',
  'ConversationErased',
  'SecurityIncident',
  'ProgramEvent',
] as const;

export type AuditType = (typeof AUDIT_TYPES)[number];

/** Groups of types, which a query may name in place of a type. Each type is in one; a ProgramEvent names its own. */
export const AUDIT_GROUPS: Readonly<Record<string, readonly AuditType[]>> = {
  Authentication: ['AuthenticationSucceeded', 'AuthenticationFailed'],
  Authorization: ['AuthorizationDenied'],
  DataAccess: [
    ...(['ToolCalled', 'McpToolCalled'] as const),
    ...(['ConversationStarted', 'ConversationEnded', 'ConversationErased'] as const),
  ],
  Configuration: [
    ...(['ConfigurationApplied', 'OverrideSet', 'OverrideLifted'] as const),
    ...(['CircuitReset', 'CircuitOpened', 'CircuitClosed'] as const),
  ],
  Security: ['SecurityIncident', 'LimitHit'],
  LlmInteraction: ['RequestMade'],
};

/** Denied: the agent refused the action. Failure: the action failed for another reason. */
export const AUDIT_OUTCOMES = ['Success', 'Failure', 'Denied'] as const;

export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** State of a hash chain after one of its events. */
export interface ChainHead {
  /** Name of the chain. Each process of a pod's container has its own. */
  chain: string;
  /** Number of its last event, from 1. */
  sequence: number;
  /** Hash of its last event, as 64 hexadecimal digits. */
  hash: string;
}

/** Fields of a sealed event that OCSF has no place for. */
export interface Seal {
  chain: string;
  previous_hash: string;
  hash: string;
  /** Only in the first event of a chain: the head of the previous chain of the same pod. */
  continues?: ChainHead;
}

/** Previous hash of a pod's first event. */
export const FIRST_HASH = '0'.repeat(64);

/** hₙ = SHA-256(hₙ₋₁ ‖ JCS(event)): the 64 digits of the previous hash, then the event as RFC 8785 writes it. */
export function chainHash(previous: string, event: object): string {
  return createHash('sha256')
    .update(previous + canonicalize(event)!)
    .digest('hex');
}

interface SealedActor {
  user?: { uid?: string; type?: string };
  session?: { uid?: string };
  app_name?: string;
}

/** A sealed audit event, with only the OCSF fields that Breakwater reads. */
export interface SealedEvent {
  time: number;
  class_uid: number;
  status_id?: number;
  severity?: string;
  status_code?: string;
  action_id?: number;
  metadata: {
    uid?: string;
    sequence?: number;
    event_code?: string;
    source?: string;
    /** Id of the request. */
    correlation_uid?: string;
    /** The provider's id of the request. */
    original_event_uid?: string;
  };
  actor?: SealedActor;
  /** Only in a finding: who did it, and from where. */
  evidences?: { actor?: SealedActor; src_endpoint?: { ip?: string } }[];
  user?: { uid?: string; type?: string };
  src_endpoint?: { ip?: string };
  api?: { operation?: string };
  trace?: { uid?: string };
  message?: string;
  unmapped?: Partial<Seal> & { program?: ProgramFacts };
}

/** What the program says of its own event. */
export interface ProgramFacts {
  /** A group of AUDIT_GROUPS. */
  type: string;
  resource?: string;
  metadata?: Readonly<Record<string, string | number | boolean>>;
}

/** The hashed part of an event: all but the two hashes and `stream`, which only lines on stdout have. */
export function unsealed(event: SealedEvent): object {
  const { stream: _, unmapped, ...rest } = event as SealedEvent & { stream?: string };
  const { hash: __, previous_hash: ___, ...own } = unmapped ?? {};
  return { ...rest, unmapped: own };
}

export function outcomeOf(event: SealedEvent): AuditOutcome {
  const { status_id: status, action_id: action } = event;
  if (action === 2) return 'Denied';
  // The status of a finding tells how it was handled.
  if (event.evidences) return 'Success';
  return status === 1 ? 'Success' : 'Failure';
}

/** Id of the client, or name of the program, that did it. */
export function actorOf(event: SealedEvent): string {
  const actor = sealedActorOf(event);
  return actor?.user?.uid ?? event.user?.uid ?? actor?.app_name ?? '';
}

/** A finding has its actor among its evidence. */
function sealedActorOf({ actor, evidences }: SealedEvent): SealedActor | undefined {
  return actor ?? evidences?.[0]?.actor;
}

/** Filters events. An event must match every member that is present. */
export interface AuditQuery {
  actor?: string;
  /** A type, or a group of them. */
  type?: string;
  /** The group that the program names for its own event. */
  program?: string;
  outcome?: string;
  /** Address of the client. */
  source?: string;
  conversation?: string;
  /** Id of the request, the provider's id of it, or that of its trace. */
  request?: string;
  /** Bounds in milliseconds since 1970, inclusive. */
  since?: number;
  until?: number;
}

export function matches(query: AuditQuery, event: SealedEvent): boolean {
  if (!isWithin(query, event.time)) return false;
  const group = event.unmapped?.program?.type;
  const asked: [string | undefined, string | undefined][] = [
    [query.type, typeAsked(query, event)],
    [query.program, group],
    [query.actor, actorOf(event)],
    [query.source, sourceOf(event)],
    [query.outcome, outcomeOf(event)],
    [query.conversation, sealedActorOf(event)?.session?.uid],
  ];
  if (query.request !== undefined && !requestIdsOf(event).includes(query.request)) return false;
  return asked.every(([wanted, found]) => wanted === undefined || wanted === found);
}

function isWithin({ since = -Infinity, until = Infinity }: AuditQuery, time: number): boolean {
  return time >= since && time <= until;
}

/** The type of an event, or the group that a query names if the event is in it. */
function typeAsked({ type }: AuditQuery, { metadata, unmapped }: SealedEvent): string | undefined {
  const code = metadata.event_code;
  if (type === undefined) return code;
  return isOf(type, code) || type === unmapped?.program?.type ? type : code;
}

/** Whether the type of an event is in a group. */
function isOf(group: string, type: string | undefined): boolean {
  const types: readonly string[] = Object.hasOwn(AUDIT_GROUPS, group) ? AUDIT_GROUPS[group]! : [];
  return type !== undefined && types.includes(type);
}

function sourceOf({ src_endpoint: source, evidences }: SealedEvent): string | undefined {
  return (evidences?.[0]?.src_endpoint ?? source)?.ip;
}

function requestIdsOf({ metadata, trace }: SealedEvent): (string | undefined)[] {
  return [metadata.correlation_uid, metadata.original_event_uid, trace?.uid];
}
