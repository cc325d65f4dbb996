import type { KnownClient } from '../../observe/trace/requestListener.ts';
import type { AuditOutcome, AuditType, ProgramFacts } from '../../../contract/audit.ts';

/** The actor: a client of the agent, or a part of Breakwater. */
export type Actor =
  | ({ kind: 'Client' } & KnownClient)
  | { kind: 'Program'; name: 'breakwater-operator' | 'breakwater-runtime' | 'program' };

/** An event before its translation to OCSF. `toOcsf` truncates texts of clients. */
export interface AuditEvent {
  type: AuditType;
  /** Milliseconds since 1970. */
  time: number;
  outcome: AuditOutcome;
  actor: Actor;
  /** Such as messages.create. */
  operation: string;
  /** One sentence for people. */
  message: string;
  /** Reason, as in x-breakwater-reason. */
  reason?: string | undefined;
  /** Address of the client. */
  source?: string | undefined;
  conversation?: string | undefined;
  requestId?: string | undefined;
  traceId?: string | undefined;
  /** The endpoint's own id of the request. */
  upstreamId?: string | undefined;
  /** Status code of the answer. */
  status?: number | undefined;
  resource?: { type: string; name: string } | undefined;
  /** Name of the policy that decided. */
  policy?: string | undefined;
  model?: string | undefined;
  tokens?: Tokens | undefined;
  /** Arguments of a tool, if spec.audit.content asks for them. */
  arguments?: unknown;
  incident?: Incident;
  /** Only in a ProgramEvent. */
  program?: ProgramFacts;
}

/** Tokens of a request, as far as the provider reports them. */
export interface Tokens {
  inputTokens?: number;
  outputTokens?: number;
}

export interface Incident {
  id: string;
  title: string;
  level: 'Low' | 'Medium' | 'High' | 'Critical';
  /** Number of detections. */
  count?: number;
  /** Whether an earlier event had a lower level. */
  raised?: boolean;
}
