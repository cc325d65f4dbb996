import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';

/** What an attack would reach. */
export type Asset =
  'Access' | 'Availability' | 'Budget' | 'Conversations' | 'Tools' | 'Credentials';

/** Ways in which an incident of a type shows, where there are several. */
export type IncidentForm =
  // FailedAuthentication: beside the sources by themselves.
  | 'ManySources'
  // PromptInjection: where the text was.
  | 'UserInput'
  | 'ToolResult'
  | 'Document'
  // ToolMisuse
  | 'RepeatedCall'
  | 'ArgumentsRefused'
  | 'EgressRefused'
  // SecretExposed: where the secret was.
  | 'Prompt'
  | 'Answer'
  | 'ToolArguments';

/** One time that something was seen. */
export interface Sighting {
  type: IncidentType;
  form?: IncidentForm | undefined;
  /** What is to be protected. */
  asset: Asset;
  /** Whether the agent refused it. */
  denied: boolean;
  /**
   * What was seen, in a sentence of ours. It goes into logs, events and status: never a key, a prompt or any other text
   * that a client, a model or a tool chose.
   */
  evidence: string;
  /** What it was attempted on, by its name in the spec, such as a tool. */
  resource?: { type: string; name: string } | undefined;
  /** Who did it; absent for somebody unknown. */
  client?: SightedClient | undefined;
  /** Address of the client. */
  source?: string | undefined;
  conversation?: string | undefined;
  requestId?: string | undefined;
  traceId?: string | undefined;
}

export interface SightedClient {
  id: string;
  authentication: 'None' | 'APIKey' | 'JWT';
  /** What logs call it. Absent: nobody in particular. */
  name?: string | undefined;
}

/** A sighting within a request, which tells the rest. */
export type RequestSighting = Omit<
  Sighting,
  'client' | 'source' | 'conversation' | 'requestId' | 'traceId'
>;

/** Sightings of one kind from one origin that follow each other. */
export interface Incident {
  readonly id: string;
  readonly type: IncidentType;
  readonly form?: IncidentForm | undefined;
  readonly asset: Asset;
  level: IncidentLevel;
  /** Sightings, those before it was opened included. */
  count: number;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  lastAt: number;
  /** What logs call the client; absent when it is not known, or when there are too many. */
  readonly client?: string | undefined;
  /** Address, or network of IPv6 addresses; absent when it is not known, or when there are too many. */
  readonly source?: string | undefined;
  readonly resource?: { type: string; name: string } | undefined;
  /** The last one. */
  evidence: string;
  closed: boolean;
}
