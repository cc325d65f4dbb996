import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** The release of the Open Cybersecurity Schema Framework that audit events follow. */
export const OCSF_VERSION = '1.8.0';

/** What an audit event tells of; `metadata.event_code` has it. */
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
] as const;

export type AuditType = (typeof AUDIT_TYPES)[number];

/** Denied: the agent refused it. Failure: it went wrong in another way. */
export const AUDIT_OUTCOMES = ['Success', 'Failure', 'Denied'] as const;

export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Where a chain stands after one of its events. */
export interface ChainHead {
  /** Name of the chain: one for each process that a pod's container had. */
  chain: string;
  /** Of its last event; events are numbered from 1. */
  sequence: number;
  /** Of its last event, 64 hexadecimal digits. */
  hash: string;
}

/** What a sealed event carries besides what OCSF has a place for. */
export interface Seal {
  chain: string;
  previous_hash: string;
  hash: string;
  /** In the first event of a chain: the head of the chain before it in the same pod. */
  continues?: ChainHead;
}

/** The hash before the first event of a pod. */
export const FIRST_HASH = '0'.repeat(64);

/** hₙ = SHA-256(hₙ₋₁ ‖ JCS(event)): over the 64 digits of the hash before and the event by RFC 8785. */
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

/** An audit event as it is written: one of OCSF, sealed. Only the parts that Breakwater reads. */
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
  /** Of a finding: who did what it is about. */
  evidences?: { actor?: SealedActor; src_endpoint?: { ip?: string } }[];
  user?: { uid?: string; type?: string };
  src_endpoint?: { ip?: string };
  api?: { operation?: string };
  trace?: { uid?: string };
  message?: string;
  unmapped?: Partial<Seal>;
}

/** The event as it is hashed: without the two hashes, and without the stream that a line of stdout names. */
export function unsealed(event: SealedEvent): object {
  const { stream: _, unmapped, ...rest } = event as SealedEvent & { stream?: string };
  const { hash: __, previous_hash: ___, ...own } = unmapped ?? {};
  return { ...rest, unmapped: own };
}

export function outcomeOf(event: SealedEvent): AuditOutcome {
  const { status_id: status, action_id: action } = event;
  if (action === 2) return 'Denied';
  // The status of a finding says what became of it.
  if (event.evidences) return 'Success';
  return status === 1 ? 'Success' : 'Failure';
}

/** Who did it: the id of a client, or what program it was. */
export function actorOf(event: SealedEvent): string {
  const actor = sealedActorOf(event);
  return actor?.user?.uid ?? event.user?.uid ?? actor?.app_name ?? '';
}

/** A finding has its actor among its evidence. */
function sealedActorOf({ actor, evidences }: SealedEvent): SealedActor | undefined {
  return actor ?? evidences?.[0]?.actor;
}

/** Which events are asked for. All that is stated has to hold. */
export interface AuditQuery {
  actor?: string;
  type?: string;
  outcome?: string;
  conversation?: string;
  /** Id of the request, the provider's id of it, or that of its trace. */
  request?: string;
  /** In milliseconds since 1970, inclusive. */
  since?: number;
  until?: number;
}

export function matches(query: AuditQuery, event: SealedEvent): boolean {
  const { since = -Infinity, until = Infinity } = query;
  if (event.time < since || event.time > until) return false;
  const asked: [string | undefined, string | undefined][] = [
    [query.actor, actorOf(event)],
    [query.type, event.metadata.event_code],
    [query.outcome, outcomeOf(event)],
    [query.conversation, sealedActorOf(event)?.session?.uid],
  ];
  if (query.request !== undefined && !requestIdsOf(event).includes(query.request)) return false;
  return asked.every(([wanted, found]) => wanted === undefined || wanted === found);
}

function requestIdsOf({ metadata, trace }: SealedEvent): (string | undefined)[] {
  return [metadata.correlation_uid, metadata.original_event_uid, trace?.uid];
}
