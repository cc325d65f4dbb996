/* Generated from contract/program.openapi.yaml by `make generate`; do not edit. */

/**
 * Leaving: the pod ends and takes no new requests once Services know. Drained: no request is open any more; the program may end.
 *
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Phase".
 */
export type Phase = 'Running' | 'Leaving' | 'Drained';
/**
 * The class of an error, such as TypeError; never its text.
 *
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "ErrorClass".
 */
export type ErrorClass = string;
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Tier".
 */
export type Tier = 'hot' | 'warm' | 'cold';
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "AuditType".
 */
export type AuditType =
  | 'Authentication'
  | 'Authorization'
  | 'DataAccess'
  | 'Configuration'
  | 'Security'
  | 'LlmInteraction';
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Outcome".
 */
export type Outcome = 'Success' | 'Failure' | 'Denied';
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "IncidentType".
 */
export type IncidentType =
  | 'BruteForceAttack'
  | 'CredentialStuffing'
  | 'UnauthorizedAccess'
  | 'PrivilegeEscalation'
  | 'RateLimitAbuse'
  | 'AnomalousAccess'
  | 'DataExfiltration'
  | 'SessionHijacking'
  | 'ConfigurationTampering'
  | 'PromptInjection'
  | 'ToolMisuse'
  | 'SecretExposed'
  | 'MalformedInput'
  | 'ToolChanged'
  | 'CredentialRefused';
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Level".
 */
export type Level = 'Low' | 'Medium' | 'High' | 'Critical';

export interface LocalApi {}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Error".
 */
export interface ApiError {
  type: 'error';
  error: {
    /**
     * As in the Messages API, such as invalid_request_error.
     */
    type: string;
    message: string;
  };
  request_id: string;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Registration".
 */
export interface Registration {
  /**
   * Name and version, such as typescript/0.1.0.
   */
  sdk: string;
  /**
   * Random, the same for the life of the process.
   */
  instance: string;
  /**
   * Another value makes the runtime read the tools again. Absent: the program has no tools.
   */
  toolsRevision?: string;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Registered".
 */
export interface Registered {
  agent: string;
  namespace: string;
  pod: string;
  phase: Phase;
  /**
   * Routes that this runtime has, such as Cache. An SDK refuses what is missing with UnsupportedByRuntime.
   */
  features: string[];
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Lifecycle".
 */
export interface Lifecycle {
  phase: Phase;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "ToolCall".
 */
export interface ToolCall {
  /**
   * As the schema of the tool says.
   */
  input: {};
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "ToolResult".
 */
export interface ToolResult {
  /**
   * Text, or blocks as in a tool_result of the Messages API.
   */
  content: string | {}[];
  /**
   * cached: the result of an earlier call. error: the fault of the call, such as a wrong input. failed: the fault of the tool. refused: not made, such as by its circuit.
   */
  status: 'ok' | 'cached' | 'error' | 'failed' | 'refused';
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Task".
 */
export interface Task {
  name: string;
  ms: number;
  error?: ErrorClass;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Tasks".
 */
export interface Tasks {
  /**
   * @maxItems 512
   */
  tasks: Task[];
  /**
   * Whose running is.
   */
  instance?: string;
  /**
   * Number of tasks under way now, by name. It replaces what this instance said before.
   */
  running?: {
    [k: string]: number;
  };
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Recorded".
 */
export interface Recorded {
  recorded: number;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Summary".
 */
export interface Summary {
  count: number;
  successes: number;
  failures: number;
  clientErrors: number;
  successPercent: number;
  failurePercent: number;
  minMs: number;
  maxMs: number;
  averageMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  perSecond: number;
  /**
   * RFC 3339.
   */
  lastAt?: string;
  /**
   * Under way now, of tasks.
   */
  running?: number;
  topErrors: {
    /**
     * The class of the error.
     */
    type: string;
    count: number;
  }[];
  last5Minutes?: Summary;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Summaries".
 */
export interface Summaries {
  [k: string]: Summary;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Performance".
 */
export interface Performance {
  /**
   * RFC 3339.
   */
  time: string;
  uptimeSeconds: number;
  tasks: Summaries;
  /**
   * Tasks, the best first. score = share of successes ÷ (average in seconds + 1).
   */
  ranking: {
    name: string;
    score: number;
    successPercent: number;
    averageMs: number;
  }[];
  operations: Summaries1;
  endpoints: Summaries;
  tools: Summaries;
}
/**
 * request, model and tool.
 */
export interface Summaries1 {
  [k: string]: Summary;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "TierStats".
 */
export interface TierStats {
  entries: number;
  maxEntries: number;
  bytes: number;
  ttlMs: number;
  hits: number;
  misses: number;
  evictions: number;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "CacheStats".
 */
export interface CacheStats {
  hits: number;
  misses: number;
  hitRatio: number;
  clears: number;
  tiers: {
    hot: TierStats;
    warm: TierStats;
    cold: TierStats;
  };
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Metadata".
 */
export interface Metadata {
  [k: string]: string | number | boolean;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "AuditEvent".
 */
export interface AuditEvent {
  type: AuditType;
  /**
   * Who did it. Absent: the program.
   */
  actor?: string;
  /**
   * Such as order.read.
   */
  action: string;
  outcome?: 'Success' | 'Failure' | 'Denied';
  resource?: string;
  metadata?: Metadata;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "AuditEvents".
 */
export interface AuditEvents {
  /**
   * @minItems 1
   * @maxItems 100
   */
  events: AuditEvent[];
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "AuditAnswer".
 */
export interface AuditAnswer {
  /**
   * Whether the agent has an audit.
   */
  enabled: boolean;
  events: {
    id: string;
    /**
     * RFC 3339.
     */
    time: string;
    type: AuditType;
    actor: string;
    action: string;
    outcome: Outcome;
    resource?: string;
    metadata?: Metadata;
  }[];
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "IncidentReport".
 */
export interface IncidentReport {
  type: IncidentType;
  level: Level;
  /**
   * The client that did it, as breakwater-client names it.
   */
  client?: string;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Reported".
 */
export interface Reported {
  id: string;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Dashboard".
 */
export interface Dashboard {
  /**
   * Incidents since the runtime started, open or closed.
   */
  total: number;
  open: number;
  byLevel: {
    [k: string]: number;
  };
  byType: {
    [k: string]: number;
  };
  incidents: {
    id: string;
    type: IncidentType;
    level: Level;
    count: number;
    /**
     * RFC 3339.
     */
    openedAt: string;
    /**
     * RFC 3339.
     */
    lastAt: string;
    /**
     * The name in logs.
     */
    client?: string;
    open: boolean;
    /**
     * Whether the program reported it.
     */
    reported: boolean;
  }[];
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "Health".
 */
export interface Health {
  state: 'Passing' | 'Failing';
  critical?: boolean;
  /**
   * In seconds.
   */
  ttl?: number;
}
/**
 * This interface was referenced by `LocalApi`'s JSON-Schema
 * via the `definition` "HandlerEnd".
 */
export interface HandlerEnd {
  handler: string;
  end: 'Done' | 'Failed' | 'TimedOut' | 'Skipped';
  ms: number;
  error?: ErrorClass;
}
