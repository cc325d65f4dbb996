import type { KnownClient } from '../../observe/trace/requestListener.ts';
import type { AuditOutcome, AuditType } from '../../../contract/audit.ts';

/** Who did something: a client of the agent, or a part of Breakwater. */
export type Actor =
  | ({ kind: 'Client' } & KnownClient)
  | { kind: 'Program'; name: 'breakwater-operator' | 'breakwater-runtime' };

/** What happened, before it is written as OCSF. Text that a client chose is cut by `toOcsf`. */
export interface AuditEvent {
  type: AuditType;
  /** Milliseconds since 1970. */
  time: number;
  outcome: AuditOutcome;
  actor: Actor;
  /** As in messages.create. */
  operation: string;
  /** One sentence for people. */
  message: string;
  /** Why it came out so, as in x-breakwater-reason. */
  reason?: string | undefined;
  /** Address of the client. */
  source?: string | undefined;
  conversation?: string | undefined;
  requestId?: string | undefined;
  traceId?: string | undefined;
  /** Status code of the answer. */
  status?: number | undefined;
  resource?: { type: string; name: string } | undefined;
  /** Name of the policy that decided. */
  policy?: string | undefined;
  model?: string | undefined;
  tokens?: Tokens | undefined;
  /** Arguments of a tool, where spec.audit.content asks for them. */
  arguments?: unknown;
  incident?: Incident;
}

/** Tokens that a request took, as far as the provider said. */
export interface Tokens {
  inputTokens?: number;
  outputTokens?: number;
}

/** What a SecurityIncident is about. */
export interface Incident {
  id: string;
  title: string;
  level: 'Low' | 'Medium' | 'High' | 'Critical';
  /** Times that it was seen. */
  count?: number;
  /** Whether there was an event of it before, with a lower level. */
  raised?: boolean;
}
