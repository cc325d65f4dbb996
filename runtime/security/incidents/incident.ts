import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';

/** Asset that an attack would reach. */
export type Asset =
  'Access' | 'Availability' | 'Budget' | 'Conversations' | 'Tools' | 'Credentials';

/** Forms of an incident, for types with several. */
export type IncidentForm =
  // CredentialStuffing: many sources together, or many credentials of one.
  | 'ManySources'
  | 'ManyKeys'
  // AnomalousAccess: what is many times that of the client's own last hours.
  | 'Tokens'
  | 'Addresses'
  // PromptInjection: where the text was.
  | 'UserInput'
  | 'ToolResult'
  | 'Document'
  // ToolMisuse
  | 'RepeatedCall'
  | 'ArgumentsRefused'
  // DataExfiltration: where the secret was, or a refused address.
  | 'Answer'
  | 'ToolArguments'
  | 'EgressRefused'
  // SecretExposed: where the secret was.
  | 'Prompt'
  // Any type: the program reported it.
  | 'Reported';

/** One sign of an attack. */
export interface Detection {
  type: IncidentType;
  form?: IncidentForm | undefined;
  /** Asset at risk. */
  asset: Asset;
  /** Only of what the program reports, which states it itself. */
  level?: IncidentLevel | undefined;
  /** Whether the agent refused it. */
  denied: boolean;
  /**
   * One sentence of ours. It goes into logs, events and status, so it never contains a key, a prompt or other text of
   * a client, a model or a tool.
   */
  evidence: string;
  /** Target, by its name in the spec, such as a tool. */
  resource?: { type: string; name: string } | undefined;
  /** Absent for an unknown client. */
  client?: DetectedClient | undefined;
  /** Address of the client. */
  source?: string | undefined;
  /** Id of the credential that was not accepted, which does not disclose it. */
  credential?: string | undefined;
  conversation?: string | undefined;
  requestId?: string | undefined;
  traceId?: string | undefined;
}

export interface DetectedClient {
  id: string;
  authentication: 'None' | 'APIKey' | 'JWT';
  /** Name in logs. Absent: an unknown client. */
  name?: string | undefined;
}

/** A detection within a request, which adds the rest. */
export type RequestDetection = Omit<
  Detection,
  'client' | 'source' | 'credential' | 'conversation' | 'requestId' | 'traceId'
>;

/** A series of detections of one kind from one origin. */
export interface Incident {
  readonly id: string;
  readonly type: IncidentType;
  readonly form?: IncidentForm | undefined;
  readonly asset: Asset;
  level: IncidentLevel;
  /** Number of detections, including those before it opened. */
  count: number;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  lastAt: number;
  /** Name of the client in logs; absent if it is unknown or if there are too many. */
  readonly client?: string | undefined;
  /** Address, or network of IPv6 addresses; absent if it is unknown or if there are too many. */
  readonly source?: string | undefined;
  readonly resource?: { type: string; name: string } | undefined;
  /** Evidence of the last detection. */
  evidence: string;
  closed: boolean;
}
