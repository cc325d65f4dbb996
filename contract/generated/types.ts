/* Generated from the JSON Schemas in contract/ by `make generate`; do not edit. */

/**
 * Features that a runtime must have to do this element justice. One that lacks any leaves the element out and reports it as unsupported.
 *
 * @maxItems 16
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Requires".
 */
export type Requires = string[];
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "DurationMs".
 */
export type DurationMs = number;
/**
 * Shadow decides and counts, and never rejects.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Mode".
 */
export type Mode = 'Enforce' | 'Shadow';
/**
 * What a pod without a leader does when its tokens are used up, or without its store: SafeShare refills the pod's share of the limit, Deny admits nothing, Allow admits everything.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "WithoutLeader".
 */
export type WithoutLeader = 'SafeShare' | 'Deny' | 'Allow';
/**
 * Numbers of durations by the index of their bucket in a DDSketch of 2 % accuracy over milliseconds, as in durations.ts.
 *
 * @maxItems 2048
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "DurationBuckets".
 */
export type DurationBuckets = number[][];
/**
 * How the process has done since it started, by operation. In Counters only when it changed, and not with each of them.
 *
 * @maxItems 8
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Performance".
 */
export type Performance = OperationReport[];
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "IncidentType".
 */
export type IncidentType =
  | 'FailedAuthentication'
  | 'AuthorizationDenied'
  | 'PromptInjection'
  | 'ToolMisuse'
  | 'SecretExposed'
  | 'LimitAbuse'
  | 'MalformedInput'
  | 'ToolChanged'
  | 'CredentialRefused'
  | 'AnomalousSpend';
/**
 * @maxItems 4
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ToolNames".
 */
export type ToolNames = string[];
/**
 * What a runtime tells over the link after its Hello: a Snapshot at once and after each configuration, each Transition as it happens, and Counters at most once a second.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Report".
 */
export type Report = Snapshot | TransitionReport | Counters | FleetReport | ProviderUse;
/**
 * What the operator's leader tells a runtime over the link.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Command".
 */
export type Command =
  Announce | Configure | Siblings | FleetCircuits | Grant | Release | ProviderShares;

export interface Contract {}
/**
 * Orders configurations, by term and then by counter.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Revision".
 */
export interface Revision {
  /**
   * Term of the leader that made it.
   */
  term: number;
  /**
   * Grows by one with each configuration of the agent.
   */
  counter: number;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Content".
 */
export interface Content {
  agent: {
    namespace: string;
    name: string;
    uid: string;
  };
  /**
   * @minItems 1
   * @maxItems 64
   */
  endpoints: Endpoint[];
  /**
   * Paths of the provider's API that are passed on, each with all below it. Absent: none.
   */
  routes?: string[];
  /**
   * How endpoints of one priority share requests: RoundRobin, LeastLoaded, Weighted or Random. Unknown: LeastLoaded.
   */
  loadBalancing: string;
  /**
   * Which requests for messages stay at one endpoint of their priority.
   */
  affinity: {
    /**
     * Automatic: those of a session, or that ask for a prompt cache. Always: all. Disabled: none. Unknown: Disabled.
     */
    mode: string;
    /**
     * Header that names the session, in lower case. Absent: only Claude Code's does.
     */
    header?: string;
  };
  /**
   * Bounds on one request to the model, and with toolMs on one call of a tool. One that is absent does not apply.
   */
  timeouts: {
    connectMs: DurationMs;
    requestMs: DurationMs;
    attemptMs?: DurationMs;
    firstTokenMs?: DurationMs;
    streamMs: DurationMs;
    streamIdleMs?: DurationMs;
    transportIdleMs?: DurationMs;
    toolMs?: DurationMs;
  };
  shutdown: {
    /**
     * Time between being unready and taking no new work, in which Services learn of it.
     */
    endpointLagMs: number;
    /**
     * Time for open requests to finish after that.
     */
    drainTimeoutMs: number;
    /**
     * Time in all to put away what outlives the process, after that.
     */
    handlerTimeoutMs?: number;
  };
  /**
   * How requests to the model are retried. Absent: they are not.
   */
  retry?: {
    /**
     * The first attempt counts; 1 is no retry.
     */
    maxAttempts: number;
    baseDelayMs: DurationMs;
    maxDelayMs: DurationMs;
    /**
     * Retries and moves that a dependency may cause, as a share of its recent requests.
     */
    budgetPercent: number;
    /**
     * Retries and moves that it may cause beside that.
     */
    minPerSecond: number;
  };
  /**
   * Longest retry-after of the runtime's own error answers.
   */
  clientPatienceMs: number;
  /**
   * Gates, which hold back calls that a provider refused for their credential.
   */
  gates: {
    /**
     * Time after which a shut gate admits one call, however long the provider asks to wait. It doubles while that call is refused.
     */
    maxWaitMs: number;
  };
  /**
   * Limits that providers state in their answers.
   */
  providerLimits: {
    /**
     * Most pods that can use the same credentials at a time. Without a leader each holds to its part of what is left. 1: all of it is this pod's.
     */
    maxPods: number;
  };
  /**
   * Requests that the agent takes at a time. maxQueued and acquireTimeoutMs also bound the wait at a maxConcurrent of a dependency. Absent: no bound.
   */
  bulkhead?: {
    maxConcurrent: number;
    maxQueued: number;
    acquireTimeoutMs: DurationMs;
  };
  /**
   * What becomes of a request that finds no place in the bulkhead or at any endpoint. Forward: it goes to a sibling with room, once.
   */
  whenFull: 'Forward' | 'Reject';
  /**
   * What clients may send, whoever they are.
   */
  intake: {
    maxBodyBytes: number;
    /**
     * Of all requests that are received or served at a time.
     */
    maxBodyBytesInFlight: number;
    bodyIdleTimeoutMs: DurationMs;
    /**
     * In each period of bodyIdleTimeoutMs.
     */
    minBodyBytesPerSecond: number;
    maxConnections: number;
    /**
     * Over which no credential has been accepted.
     */
    maxConnectionsPerAddress: number;
  };
  security: Security;
  audit?: Audit;
  /**
   * Networks in CIDR notation whose x-forwarded-for counts. Absent: none.
   *
   * @maxItems 64
   */
  trustedProxies?: string[];
  /**
   * HTTP proxies. Absent: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the pod say.
   */
  proxy?: {
    /**
     * For URLs with http. Absent: they are called directly.
     */
    http?: string;
    /**
     * For URLs with https. Absent: they are called directly.
     */
    https?: string;
    /**
     * Names, addresses and networks that are called directly, besides those of the cluster.
     *
     * @maxItems 128
     */
    noProxy: string[];
    credentials?: {
      username: MountedSecret;
      password: MountedSecret;
    };
  };
  trustedCA?: MountedKey;
  cache?: Cache;
  toolCache?: Cache;
  /**
   * Who may call the agent. Absent: everybody. A type that is unknown lets nobody in.
   */
  auth?: {
    /**
     * APIKeys or JWT.
     */
    type: string;
    /**
     * Credentials that are not accepted, by the address that shows them. Absent: they are not bounded.
     */
    failures?: {
      perMinute: number;
      maxAddresses: number;
    };
    /**
     * What clients may do: the first entry that names a client counts, and one without an entry may do nothing. Absent: all may do everything.
     *
     * @maxItems 64
     */
    clients?: ClientRule[];
    apiKeys?: {
      /**
       * Directory in the pod: a file for each client, by its name, with its API keys, one a line.
       */
      path: string;
      /**
       * Name of the Secret, for messages.
       */
      secret: string;
    };
    jwt?: {
      issuer: string;
      /**
       * @minItems 1
       */
      audiences: string[];
      jwksURL: string;
      /**
       * How the keys behind jwksURL are had and kept.
       */
      keys?: {
        timeoutMs: DurationMs;
        refreshMs: DurationMs;
        maxAgeMs: DurationMs;
        cooldownMs: DurationMs;
      };
    };
  };
  /**
   * Conversations that the agent keeps itself. Absent: it keeps none.
   */
  conversation?: {
    maxMessages: number;
    maxTurns: number;
    maxTokens: number;
    idleTimeoutMs: DurationMs;
    runTimeoutMs: DurationMs;
    systemPrompt?: string;
    systemPromptFile?: MountedKey1;
    /**
     * Name in DNS with the addresses of all pods of the agent.
     */
    peers?: string;
    /**
     * Where conversations are kept. Absent: in the memory of the pod where they began.
     */
    redis?: {
      url: string;
      password?: {
        /**
         * File in the pod.
         */
        path: string;
        /**
         * Name of the Secret, for messages.
         */
        secret: string;
        /**
         * Key in the Secret, for messages.
         */
        key: string;
      };
    };
  };
  /**
   * @maxItems 64
   */
  tools?: Tool[];
  /**
   * @maxItems 64
   */
  mcpServers?: McpServer[];
  /**
   * Absent: none.
   *
   * @maxItems 16
   */
  healthChecks?: HealthCheck[];
  /**
   * Bounds on hosts that the spec does not name.
   */
  egress: {
    /**
     * Hosts, or *. and a domain. Empty: every host.
     *
     * @maxItems 64
     */
    allowHosts: string[];
    denyPrivateNetworks: boolean;
  };
  telemetry: Telemetry;
  /**
   * @maxItems 256
   */
  circuits: Circuit[];
  /**
   * @maxItems 1024
   */
  limits: Limit[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Endpoint".
 */
export interface Endpoint {
  name: string;
  /**
   * Protocol, such as Anthropic. An unknown one leaves the endpoint out.
   */
  provider: string;
  model?: string;
  baseURL: string;
  /**
   * Where the API key is mounted. Absent: the client's own credentials are passed on.
   */
  credential?: {
    /**
     * File in the pod.
     */
    path: string;
    /**
     * Name of the Secret, for messages.
     */
    secret: string;
    /**
     * Key in the Secret, for messages.
     */
    key: string;
  };
  /**
   * How the key of credential is sent: as x-api-key, or as authorization: Bearer. Absent: APIKey.
   */
  credentialScheme?: 'APIKey' | 'Bearer';
  /**
   * What is shown to the endpoint in TLS, as PEM. Absent: nothing.
   */
  clientCertificate?: {
    certificate: MountedSecret;
    key: MountedSecret;
  };
  /**
   * Request headers, in place of the client's of the same name. Absent: none.
   */
  headersFrom?: SecretHeader[];
  /**
   * A request with a larger max_tokens is sent with this figure. Absent: as it is.
   */
  maxTokens?: number;
  /**
   * Tokens that its model takes. Absent: not known.
   */
  contextTokens?: number;
  /**
   * The lowest that can be used serves.
   */
  priority: number;
  /**
   * Share of the load among endpoints of one priority, when loadBalancing is Weighted, and of sessions.
   */
  weight: number;
  /**
   * Requests to it at a time. Absent: no bound.
   */
  maxConcurrent?: number;
  requires?: Requires;
}
/**
 * Where a key of a Secret is mounted. It may be missing.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "MountedSecret".
 */
export interface MountedSecret {
  /**
   * File in the pod.
   */
  path: string;
  /**
   * Name of the Secret, for messages.
   */
  secret: string;
  /**
   * Key in the Secret, for messages.
   */
  key: string;
}
/**
 * A request header whose value is mounted.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "SecretHeader".
 */
export interface SecretHeader {
  name: string;
  /**
   * Text before the value.
   */
  prefix?: string;
  credential: {
    /**
     * File in the pod.
     */
    path: string;
    /**
     * Name of the Secret, for messages.
     */
    secret: string;
    /**
     * Key in the Secret, for messages.
     */
    key: string;
  };
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Security".
 */
export interface Security {
  incidents: Incidents;
  /**
   * What becomes of whom an incident is about: the first that is for it counts. Without one it is reported and nothing else.
   *
   * @maxItems 16
   */
  responses: IncidentResponse[];
  promptInjection?: PromptInjection;
  secrets?: Secrets;
  runGuard?: RunGuard;
}
/**
 * When what is seen of attacks is an incident.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Incidents".
 */
export interface Incidents {
  /**
   * Sightings of one kind and origin belong together while no more than this is between two of them.
   */
  windowMs: number;
  /**
   * Origins that are told apart.
   */
  maxTracked: number;
  /**
   * Sightings that open an incident, by its type. Absent: 1.
   */
  thresholds: {
    FailedAuthentication?: number;
    AuthorizationDenied?: number;
    PromptInjection?: number;
    ToolMisuse?: number;
    SecretExposed?: number;
    LimitAbuse?: number;
    MalformedInput?: number;
    ToolChanged?: number;
    CredentialRefused?: number;
    AnomalousSpend?: number;
  };
  /**
   * The level rises a step each time that there are as many times more sightings.
   */
  raiseAt: number;
  /**
   * Sources of failed authentication that are an incident of their own.
   */
  manySources: number;
  /**
   * Tokens of a client in an hour that are out of the ordinary.
   */
  spend: {
    factor: number;
    hours: number;
    minTokens: number;
  };
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "IncidentResponse".
 */
export interface IncidentResponse {
  /**
   * Types of incidents. Absent: all.
   */
  types?: string[];
  minLevel: 'Low' | 'Medium' | 'High' | 'Critical';
  /**
   * Report, Throttle or Block. Unknown: Report.
   */
  action: string;
  durationMs: DurationMs;
  /**
   * Of a client that is throttled.
   */
  requestsPerMinute: number;
  /**
   * Duration: after durationMs. Closed: when the incident closes. Unknown: Duration.
   */
  lift: string;
}
/**
 * Which texts are looked at for prompt injection. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "PromptInjection".
 */
export interface PromptInjection {
  mode: 'Report' | 'Block';
  sources: {
    source: string;
    threshold: number;
  }[];
  /**
   * Tools and MCP servers whose results are not looked at.
   */
  exempt: string[];
  blockedResults: 'Replace' | 'Fence';
}
/**
 * Which texts are looked at for secrets. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Secrets".
 */
export interface Secrets {
  mode: 'Report' | 'Redact' | 'Block';
  sources: string[];
}
/**
 * What ends a turn that goes round in circles or takes too much. Absent: nothing.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "RunGuard".
 */
export interface RunGuard {
  mode: 'Report' | 'Enforce';
  repeats: number;
  exempt: string[];
  maxToolCalls?: number;
  maxTokens?: number;
  maxDurationMs?: DurationMs;
  cost?: {
    maxCents: number;
    inputCentsPerMillionTokens: number;
    outputCentsPerMillionTokens: number;
  };
  /**
   * Whether repeated calls in requests to /v1/messages are reported.
   */
  messages: boolean;
}
/**
 * How events are recorded. Absent: they are not.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Audit".
 */
export interface Audit {
  stdout: boolean;
  /**
   * Absent: no file is written.
   */
  file?: {
    /**
     * Pods may share it: each writes into a directory of its own name.
     */
    directory: string;
    maxBytes: number;
    maxFiles: number;
  };
  webhook?: AuditReceiver;
  otlp?: AuditReceiver;
  memoryEvents: number;
  /**
   * Bytes that wait in memory for each sink.
   */
  bufferBytes: number;
  authenticationIntervalMs: number;
  /**
   * Names of the tools whose arguments are recorded, as the model sees them.
   *
   * @maxItems 64
   */
  argumentsOf: string[];
  /**
   * Refuse requests while events cannot be kept.
   */
  required: boolean;
}
/**
 * Where events of the audit are sent. Absent: nothing is sent.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "AuditReceiver".
 */
export interface AuditReceiver {
  url: string;
  /**
   * @maxItems 32
   */
  headersFrom: SecretHeader[];
  timeoutMs: DurationMs;
  queueBytes: number;
}
/**
 * Certificates of authorities, as PEM, that are trusted besides those of the system. Absent: none.
 */
export interface MountedKey {
  /**
   * File in the pod.
   */
  path: string;
  /**
   * Name of the ConfigMap, for messages.
   */
  configMap: string;
  /**
   * Key in the ConfigMap, for messages.
   */
  key: string;
}
/**
 * What is kept for identical requests: in cache answers of the model, in toolCache results of the tools that have a cache. Absent: nothing is.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Cache".
 */
export interface Cache {
  /**
   * PerPrincipal or Shared. Anything else: PerPrincipal.
   */
  scope: string;
  hot: CacheTier;
  warm: CacheTier;
  cold: CacheTier;
  /**
   * A change of it empties the cache once.
   */
  resetToken?: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "CacheTier".
 */
export interface CacheTier {
  maxEntries: number;
  ttlMs: DurationMs;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ClientRule".
 */
export interface ClientRule {
  /**
   * Name of an API key, or the subject of a token; * is every client.
   */
  name?: string;
  /**
   * Claim of a token that is the value, or a list or words with it.
   */
  claim?: {
    name: string;
    value: string;
  };
  allow: {
    /**
     * Absent: all.
     */
    routes?: ('Messages' | 'CountTokens' | 'Models' | 'Conversations' | 'Provider')[];
    /**
     * Names, or their beginnings with * at the end. Absent: all.
     */
    models?: string[];
    /**
     * Tools in conversations, by their names as the model knows them, or their beginnings with * at the end. Absent: all.
     */
    tools?: string[];
    maxTokens?: number;
    /**
     * Own or All. Unknown: Own.
     */
    conversations: string;
    /**
     * Whether it may do everything.
     */
    admin: boolean;
  };
}
/**
 * Where a key of a ConfigMap is mounted. It may be missing.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "MountedKey".
 */
export interface MountedKey1 {
  /**
   * File in the pod.
   */
  path: string;
  /**
   * Name of the ConfigMap, for messages.
   */
  configMap: string;
  /**
   * Key in the ConfigMap, for messages.
   */
  key: string;
}
/**
 * A tool over HTTP; the dependency tool/NAME.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Tool".
 */
export interface Tool {
  name: string;
  description: string;
  /**
   * JSON Schema of the input.
   */
  inputSchema: {
    [k: string]: unknown;
  };
  http: {
    /**
     * With {NAME} for properties of the input.
     */
    url: string;
    method: string;
    /**
     * @maxItems 16
     */
    headers: {
      name: string;
      value: string;
    }[];
    /**
     * @maxItems 16
     */
    headersFrom: SecretHeader[];
    maxResponseBytes: number;
  };
  /**
   * Results are kept. Absent: they are not.
   */
  cache?: {
    ttlMs: DurationMs;
  };
  maxConcurrent?: number;
  requires?: Requires;
}
/**
 * An MCP server over streamable HTTP; the dependency mcp/NAME.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "McpServer".
 */
export interface McpServer {
  name: string;
  url: string;
  /**
   * @maxItems 16
   */
  headersFrom: SecretHeader[];
  /**
   * Names of its tools. Absent: all.
   */
  allowedTools?: string[];
  /**
   * Its tools are withheld from the model while their hash is another one. Absent: they are not.
   */
  toolsHash?: string;
  /**
   * Without a call for so long, the list of its tools is asked for. 0: never for that.
   */
  checkIntervalMs: number;
  /**
   * Results of these tools are kept. Absent: none are.
   */
  cache?: {
    ttlMs: DurationMs;
    tools: string[];
  };
  maxConcurrent?: number;
  maxResponseBytes: number;
  requires?: Requires;
}
/**
 * What pods check besides the circuits of their dependencies. One with neither http nor tcp passes.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "HealthCheck".
 */
export interface HealthCheck {
  name: string;
  http?: {
    url: string;
  };
  tcp?: {
    host: string;
    port: number;
  };
  intervalMs: DurationMs;
  timeoutMs: DurationMs;
  failureThreshold: number;
  critical: boolean;
}
/**
 * What the pods tell of the requests that they serve.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Telemetry".
 */
export interface Telemetry {
  /**
   * Forward: a request to an endpoint of the model carries the client's baggage. Anything else: it does not.
   */
  baggage: string;
  /**
   * What user.id of a span is. Plain: the name of the client's API key, or the subject of its token. Anything else: a hash of it.
   */
  userId: string;
  /**
   * Absent: whoever reaches the port may scrape.
   */
  metrics?: {
    token: MountedSecret1;
  };
  /**
   * Traces by OTLP over HTTP. Absent: as the OTEL_* variables of the pod say.
   */
  tracing?: {
    /**
     * URL of the collector, to which /v1/traces is added.
     */
    endpoint: string;
    /**
     * @maxItems 16
     */
    headersFrom: SecretHeader[];
    /**
     * Share of the traces that begin here which are kept.
     */
    ratio: number;
    /**
     * Whether the client decides on the traces that it has begun.
     */
    parentBased: boolean;
    /**
     * Full: prompts and answers are in spans. Anything else: they are not.
     */
    content: string;
  };
  logging: {
    /**
     * Share of the requests answered well at the first attempt that get an access line too.
     */
    successRatio: number;
    /**
     * Debug, Info, Warn, Error or Silent, by module. Unknown, or absent: that of the process.
     */
    levels: {
      [k: string]: string;
    };
  };
}
/**
 * Where a key of a Secret is mounted. It may be missing.
 */
export interface MountedSecret1 {
  /**
   * File in the pod.
   */
  path: string;
  /**
   * Name of the Secret, for messages.
   */
  secret: string;
  /**
   * Key in the Secret, for messages.
   */
  key: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Circuit".
 */
export interface Circuit {
  /**
   * Such as model/primary.
   */
  dependency: string;
  /**
   * Name of the CircuitBreakerPolicy. Absent: the built-in defaults are in force.
   */
  policy?: string;
  trip: {
    consecutiveFailures?: number;
    failureRate?: FailureRate;
    slowCalls?: SlowCalls;
  };
  openDurationMs: DurationMs;
  maxOpenDurationMs: DurationMs;
  halfOpen: {
    maxProbes: number;
    successThreshold: number;
    /**
     * Longest that a call waits for the outcome of the probes. 0: it is rejected at once.
     */
    queueTimeoutMs: number;
  };
  /**
   * A streamed call that has received nothing for so long when its client leaves is a Timeout.
   */
  abandonedAfterMs: number;
  /**
   * Classes of outcomes that are failures; others are ignored.
   *
   * @maxItems 16
   *
   * Items: ServerError, Overloaded, Timeout, Connection, InvalidResponse or RateLimited.
   */
  failureOn: string[];
  recovery: {
    /**
     * Time after closing in which 10, 25, 50 and then 100 % of the calls are admitted. 0: none.
     */
    rampUpMs: number;
  };
  mode: Mode;
  /**
   * All pods together have one more circuit above those of each pod. Absent: each pod has its own alone.
   */
  fleet?: {
    /**
     * Share of the pods with calls that must see failures, and at least two pods.
     */
    quorumPercent: number;
    /**
     * How long an order of the leader holds in a pod that the leader does not reach any more.
     */
    hintLifetimeMs: number;
  };
  /**
   * Holds the circuit in a state, whatever its calls do, until it expires by the clock of the pod.
   */
  override?: {
    state: 'Open' | 'Closed';
    reason?: string;
    /**
     * RFC 3339. Absent: until removed.
     */
    expiresAt?: string;
  };
  /**
   * A change of it closes the circuit once; the first one that a circuit sees is no change.
   */
  resetToken?: string;
  requires: Requires;
}
/**
 * Opens when this share of the calls that ended within the window failed. The window is a time (windowMs) or a number of calls (calls), one of both.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FailureRate".
 */
export interface FailureRate {
  percent: number;
  windowMs?: DurationMs;
  /**
   * Size of the window in calls.
   */
  calls?: number;
  /**
   * Calls that must have ended within the window before it counts.
   */
  minimumCalls: number;
}
/**
 * Opens when this share of the calls that ended within the window was slower. The window is a time (windowMs) or a number of calls (calls), one of both.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "SlowCalls".
 */
export interface SlowCalls {
  percent: number;
  slowerThanMs: DurationMs;
  windowMs?: DurationMs;
  /**
   * Size of the window in calls.
   */
  calls?: number;
  /**
   * Calls that must have ended within the window before it counts.
   */
  minimumCalls: number;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Limit".
 */
export interface Limit {
  /**
   * inbound, or a dependency such as model/primary.
   */
  target: string;
  /**
   * Name of the RateLimitPolicy.
   */
  policy: string;
  name: string;
  /**
   * What is counted: Requests, InputTokens, OutputTokens or TotalTokens. An unknown one leaves the limit out.
   */
  resource: string;
  refill: {
    amount: number;
    perMs: DurationMs;
  };
  capacity: number;
  /**
   * What each has a bucket of its own. Absent: one bucket.
   */
  key?: {
    /**
     * Name of a request header, in lower case; requests without it share a bucket.
     */
    header?: string;
    /**
     * true, in place of header: the client as auth knows it.
     */
    principal?: boolean;
  };
  /**
   * Buckets at most; further keys share one.
   */
  maxKeys: number;
  onLimit: 'Reject' | 'Queue';
  maxWaitMs: DurationMs;
  mode: Mode;
  /**
   * All pods of the agent share the limit. Absent: each pod has buckets of its own.
   */
  fleet?: {
    /**
     * Leader grants its tokens. Redis, that of conversation.redis, keeps a bucket for each key.
     */
    store: 'Leader' | 'Redis';
    /**
     * Longest wait for an answer of Redis.
     */
    storeTimeoutMs: number;
    withoutLeader: WithoutLeader;
    /**
     * Most pods that there can be. The safe share of each is the limit divided by it.
     */
    maxPods: number;
  };
  requires: Requires;
}
/**
 * Resolved configuration of one agent: what the operator writes to the agent's ConfigMap and pushes over the link.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Configuration".
 */
export interface Configuration {
  revision: Revision;
  /**
   * SHA-256 of content as canonical JSON (keys sorted, no white space). The same hash is the same configuration.
   */
  hash: string;
  content: Content;
}
/**
 * First message of a runtime on a link: who it is, proven by token, and what it can do.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Hello".
 */
export interface Hello {
  type: 'Hello';
  /**
   * Version of this contract that is spoken over the link. Each side speaks the version before its own too; within one, unknown fields are ignored.
   */
  contract: number;
  /**
   * What the runtime can do; see Requires in the configuration.
   *
   * @maxItems 256
   */
  features: string[];
  runtimeVersion: string;
  pod: {
    namespace: string;
    name: string;
    uid: string;
  };
  /**
   * Random name of this process; transitions are numbered within it.
   */
  boot: string;
  /**
   * RFC 3339.
   */
  startedAt: string;
  /**
   * Projected service account token for the audience breakwater.dev/control.
   */
  token: string;
  /**
   * Highest term that a leader announced to it or that it saw in a configuration; 0 when none.
   */
  highestTerm: number;
  revision?: Revision;
  /**
   * Hash of the configuration in force.
   */
  hash?: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Snapshot".
 */
export interface Snapshot {
  type: 'Snapshot';
  configuration: ConfigurationStatus;
  /**
   * @maxItems 256
   */
  circuits: CircuitStatus[];
  /**
   * @maxItems 1024
   */
  limits: LimitStatus[];
  /**
   * The last ones, oldest first.
   *
   * @maxItems 64
   */
  transitions: Transition[];
  /**
   * @maxItems 2048
   */
  missingCredentials: {
    dependency: string;
    secret: string;
    key: string;
  }[];
  /**
   * Keys of ConfigMaps that are not mounted. Absent: none is missing.
   *
   * @maxItems 64
   */
  missingConfigMaps?: {
    configMap: string;
    key: string;
  }[];
  performance?: Performance;
  audit?: AuditHead;
  load?: Load;
  security?: SecurityReport;
  /**
   * All of them. Absent: the runtime is too old to tell.
   *
   * @maxItems 16
   */
  healthChecks?: HealthCheckStatus[];
  /**
   * Those whose tools are known. Absent: the runtime is too old to tell.
   *
   * @maxItems 16
   */
  mcpServers?: McpServerStatus[];
  /**
   * One of each dependency that has a gate, shut or not. Absent: the runtime is too old to tell.
   *
   * @maxItems 256
   */
  gates?: GateStatus[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ConfigurationStatus".
 */
export interface ConfigurationStatus {
  revision?: Revision;
  /**
   * Hash of the configuration in force; absent when there is none.
   */
  hash?: string;
  /**
   * File or Link.
   */
  source?: string;
  /**
   * The last configuration offered was refused whole and the one before is still in force. Absent when the last one was taken.
   */
  refused?: {
    source: string;
    hash?: string;
    /**
     * What is wrong with it, without values.
     */
    message: string;
    time: string;
  };
  /**
   * Elements of the configuration that are left out because this runtime is too old for them.
   *
   * @maxItems 2048
   */
  unsupported: {
    /**
     * JSON pointer into content.
     */
    path: string;
    feature: string;
    /**
     * Name of the policy that the element comes from.
     */
    policy?: string;
  }[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "CircuitStatus".
 */
export interface CircuitStatus {
  dependency: string;
  /**
   * The model whose calls it judges. Absent: it judges the calls of all models without a circuit of their own.
   */
  model?: string;
  /**
   * Absent when the built-in defaults are in force.
   */
  policy?: string;
  state: 'Closed' | 'HalfOpen' | 'Open';
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * Why it is in this state, such as '5 consecutive failures (Overloaded)'.
   */
  reason?: string;
  /**
   * RFC 3339; only while open.
   */
  nextProbe?: string;
  lastFailure?: {
    class: string;
    message: string;
    time: string;
  };
  /**
   * It decides and counts, and rejects nothing. Absent: false.
   */
  shadow?: boolean;
  /**
   * The override in force; absent when there is none, or when it has expired.
   */
  overridden?: 'Open' | 'Closed';
  /**
   * The last resetToken that was seen, and acted on unless it was the first.
   */
  handledResetToken?: string;
  fleet?: FleetCircuitReport;
}
/**
 * What the leader adds up over the pods, and what the pod does by the leader's orders. Only of circuits whose scope is the fleet.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FleetCircuitReport".
 */
export interface FleetCircuitReport {
  /**
   * Calls in the window of failureRate; 0 without that rule.
   */
  calls: number;
  failed: number;
  /**
   * Calls in the window of slowCalls; 0 without that rule.
   */
  timed: number;
  slow: number;
  failuresInARow: number;
  /**
   * Whether a call ended within the longest window of time, or else within a minute.
   */
  active: boolean;
  /**
   * Calls asked for in the last whole second, rejected ones included.
   */
  asked: number;
  /**
   * The model of all its calls so far, by which the leader adds up circuits of an endpoint with several models. Absent: it judges the calls of several models or of the endpoint's only one, or none has been asked for.
   */
  model?: string;
  /**
   * It judges the calls of several models. Absent: false.
   */
  shared?: boolean;
  /**
   * The last order that came, in force or not.
   */
  number?: string;
  /**
   * The order in force. Absent: the circuit decides alone.
   */
  order?: {
    state: 'Open' | 'Probe';
    reason: string;
    openForMs: number;
    reopened: number;
    probeInMs: number;
    prober?: string;
    closing?: boolean;
  };
  /**
   * What has come of the last grant.
   */
  probe?: {
    grant: string;
    outcome: 'Waiting' | 'Running' | 'Failed' | 'Succeeded';
  };
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "LimitStatus".
 */
export interface LimitStatus {
  target: string;
  policy: string;
  name: string;
  /**
   * When the limit has a key: of the bucket that is used most. Keys are never reported.
   */
  usedPercent: number;
  /**
   * Since the process started.
   */
  rejected: number;
  /**
   * Whether it rejected anything in the last 10 seconds.
   */
  limiting: boolean;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Transition".
 */
export interface Transition {
  /**
   * Grows by one within a boot.
   */
  sequence: number;
  /**
   * RFC 3339 with milliseconds.
   */
  time: string;
  dependency: string;
  /**
   * As in CircuitStatus.
   */
  model?: string;
  policy?: string;
  from: 'Closed' | 'HalfOpen' | 'Open';
  to: 'Closed' | 'HalfOpen' | 'Open';
  reason: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "OperationReport".
 */
export interface OperationReport {
  operation: 'request' | 'model' | 'tool';
  count: number;
  failures: number;
  totalMs: number;
  minMs?: number;
  maxMs?: number;
  /**
   * The commonest first.
   *
   * @maxItems 5
   */
  topErrors?: ErrorCount[];
  recent?: RecentReport;
  /**
   * The same of each endpoint or tool, the busiest first.
   *
   * @maxItems 32
   */
  subjects?: SubjectReport[];
  durations: DurationBuckets;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ErrorCount".
 */
export interface ErrorCount {
  type: string;
  count: number;
}
/**
 * Operations of the last five minutes.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "RecentReport".
 */
export interface RecentReport {
  /**
   * What it covers: less than five minutes when the process is younger.
   */
  seconds: number;
  count: number;
  failures: number;
  totalMs: number;
  minMs: number;
  maxMs: number;
  /**
   * The commonest first.
   *
   * @maxItems 5
   */
  topErrors: ErrorCount[];
  durations?: DurationBuckets;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "SubjectReport".
 */
export interface SubjectReport {
  name: string;
  count: number;
  failures: number;
  totalMs: number;
  minMs: number;
  maxMs: number;
  /**
   * The commonest first.
   *
   * @maxItems 5
   */
  topErrors: ErrorCount[];
  recent: RecentReport;
}
/**
 * Where the chain of the pod's audit stands. Absent: there is none, or in Counters it has not moved.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "AuditHead".
 */
export interface AuditHead {
  chain: string;
  sequence: number;
  hash: string;
}
/**
 * What the pod has to do. Absent: nothing bounds its requests, or the runtime is too old to tell.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Load".
 */
export interface Load {
  /**
   * Requests in work.
   */
  inFlight: number;
  /**
   * Requests that wait for a place, here or at an endpoint.
   */
  queued: number;
  /**
   * Requests that it takes at a time: its bulkhead, or what its endpoints take together if that is less.
   */
  capacity: number;
  /**
   * Whether other pods may forward requests to it: it does not shut down, and an endpoint takes calls.
   */
  accepts: boolean;
  /**
   * Answers under way as streams.
   */
  streams?: number;
  /**
   * Conversations that end with the pod.
   */
  conversations?: number;
}
/**
 * Security incidents of the process. Absent: the runtime is too old to tell, or in Counters nothing has changed.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "SecurityReport".
 */
export interface SecurityReport {
  /**
   * Number of incidents that are open.
   */
  open: number;
  /**
   * Those open, the gravest first.
   *
   * @maxItems 8
   */
  incidents: IncidentReport[];
  last?: IncidentReport1;
  /**
   * Incidents since the process started, by type; types without any are left out.
   *
   * @maxItems 16
   */
  counts: {
    type: IncidentType;
    count: number;
  }[];
  /**
   * Number of clients and addresses that are throttled or blocked. Absent: the runtime is too old to tell.
   */
  responsesInForce?: number;
  /**
   * The responses to incidents that are in force, the strictest first. Absent: the runtime is too old to tell.
   *
   * @maxItems 8
   */
  responses?: ResponseReport[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "IncidentReport".
 */
export interface IncidentReport {
  id: string;
  type: IncidentType;
  form?: string;
  level: 'Low' | 'Medium' | 'High' | 'Critical';
  count: number;
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * RFC 3339.
   */
  lastSeen: string;
  client?: string;
  /**
   * Address, or network of IPv6 addresses.
   */
  source?: string;
  /**
   * What it was attempted on, such as tool/find_order.
   */
  resource?: string;
  /**
   * What was seen, without any text of a client, a model or a tool.
   */
  message: string;
}
/**
 * The one opened last, open or not.
 */
export interface IncidentReport1 {
  id: string;
  type: IncidentType;
  form?: string;
  level: 'Low' | 'Medium' | 'High' | 'Critical';
  count: number;
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * RFC 3339.
   */
  lastSeen: string;
  client?: string;
  /**
   * Address, or network of IPv6 addresses.
   */
  source?: string;
  /**
   * What it was attempted on, such as tool/find_order.
   */
  resource?: string;
  /**
   * What was seen, without any text of a client, a model or a tool.
   */
  message: string;
}
/**
 * What is done about one client or address.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ResponseReport".
 */
export interface ResponseReport {
  action: 'Throttle' | 'Block';
  client?: string;
  /**
   * Address, or network of IPv6 addresses, when the client is not known.
   */
  source?: string;
  /**
   * Id of the incident that it is about.
   */
  incident: string;
  type: IncidentType;
  level: 'Low' | 'Medium' | 'High' | 'Critical';
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * RFC 3339. Absent: until the incident closes.
   */
  until?: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "HealthCheckStatus".
 */
export interface HealthCheckStatus {
  name: string;
  critical: boolean;
  state: 'Unknown' | 'Passing' | 'Failing';
  /**
   * Only while it fails.
   */
  reason?: 'Timeout' | 'Connection' | 'BadStatus';
  /**
   * RFC 3339.
   */
  since: string;
}
/**
 * The tools of an MCP server that the agent may use.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "McpServerStatus".
 */
export interface McpServerStatus {
  name: string;
  /**
   * Over their names, descriptions and input schemas.
   */
  toolsHash: string;
  tools: number;
  /**
   * The model does not get them, because the configuration pins another hash.
   */
  withheld: boolean;
  /**
   * The last one since the process started, with the first four names of each sort. Absent: there was none.
   */
  change?: {
    /**
     * The hash until then.
     */
    before: string;
    added: ToolNames;
    removed: ToolNames;
    changed: ToolNames;
  };
}
/**
 * Whether calls to a dependency are held back for a reason that is no failure of it.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "GateStatus".
 */
export interface GateStatus {
  dependency: string;
  /**
   * The model whose calls are held back, if calls with other models are not. Of several, the one that waits longest.
   */
  model?: string;
  gate: 'None' | 'RateLimited' | 'SpendLimit' | 'Unauthorized';
  /**
   * RFC 3339: when the next call is let through. Absent when the gate is None, or while that is not known.
   */
  until?: string;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "TransitionReport".
 */
export interface TransitionReport {
  type: 'Transition';
  transition: Transition;
  circuit: CircuitStatus;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Counters".
 */
export interface Counters {
  type: 'Counters';
  /**
   * @maxItems 1024
   */
  limits: LimitStatus[];
  /**
   * Those whose last failure, next probe or override changed.
   *
   * @maxItems 256
   */
  circuits: CircuitStatus[];
  performance?: Performance;
  audit?: AuditHead;
  load?: Load;
  security?: SecurityReport;
  /**
   * All of them, when one changed.
   *
   * @maxItems 16
   */
  healthChecks?: HealthCheckStatus[];
  /**
   * All of them, when one changed.
   *
   * @maxItems 16
   */
  mcpServers?: McpServerStatus[];
  /**
   * Those that changed.
   *
   * @maxItems 256
   */
  gates?: GateStatus[];
}
/**
 * Answers a Grant, and asks for tokens of the limits of the fleet. Figures are sums since the session began, so that none is counted twice.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FleetReport".
 */
export interface FleetReport {
  type: 'Fleet';
  /**
   * Of the leader whose session it is.
   */
  term: number;
  session: number;
  /**
   * Grows by one within the process.
   */
  number: number;
  /**
   * Number of the last Grant of the session that came. The pod leaves its safe share to the leader for FLEET.pledgeMs after that Grant was sent.
   */
  heard: number;
  /**
   * For how long another leader may still count on the pod's safe share.
   */
  pledgedMs: number;
  /**
   * @maxItems 1024
   */
  limits: LimitUse[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "LimitUse".
 */
export interface LimitUse {
  target: string;
  name: string;
  resource: string;
  /**
   * Names what the process counts for this limit: another one when the limit went and came back.
   */
  block: number;
  /**
   * Tokens that came in this session.
   */
  received: number;
  /**
   * Tokens that it held when the session began.
   */
  carried: number;
  /**
   * Tokens that calls took.
   */
  taken: number;
  /**
   * Tokens that it gives back unused, those whose time was over among them.
   */
  returned: number;
  /**
   * Tokens that calls took and did not use.
   */
  refunded: number;
  /**
   * Tokens that calls used beyond what they took.
   */
  overrun: number;
  /**
   * Tokens that it lacks for the first call that waits; 0 when none waits.
   */
  need: number;
  /**
   * Tokens that it asks for, besides those that it holds.
   */
  want: number;
}
/**
 * What this pod knows and takes of limits that providers enforce on a credential of the agent. It is told when less than half of a limit is left, when a provider refuses the rate, and to a leader that asks.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderUse".
 */
export interface ProviderUse {
  type: 'ProviderUse';
  /**
   * @maxItems 256
   */
  limits: ProviderLimitUse[];
  /**
   * @maxItems 128
   */
  gates: ProviderGate[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderLimitUse".
 */
export interface ProviderLimitUse {
  dependency: string;
  /**
   * Absent: of all models without state of their own.
   */
  model?: string;
  /**
   * Of calls that ask for no answer, such as counts of tokens.
   */
  votes?: false;
  /**
   * Names the credential, without telling it.
   */
  account: string;
  resource: string;
  stated?: ProviderStatement;
  /**
   * Names what the process counts for this limit: another one when it began anew.
   */
  count: number;
  /**
   * Tokens that calls took in all, less what they did not use.
   */
  taken: number;
  /**
   * Tokens that calls asked for in all, refused ones included.
   */
  asked: number;
  /**
   * Most that a refused call needed since the last report; 0 when none was refused.
   */
  need: number;
  /**
   * Tokens that the pod may take now.
   */
  held: number;
}
/**
 * What the provider said last to this pod.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderStatement".
 */
export interface ProviderStatement {
  limit: number;
  remaining: number;
  /**
   * When it was said: the time until the limit is full again.
   */
  resetMs: number;
  /**
   * Time since it was said.
   */
  ageMs: number;
  /**
   * Time since the call was admitted whose answer said it.
   */
  sinceMs: number;
  /**
   * What calls had taken in all when that call was admitted.
   */
  before: number;
}
/**
 * The provider refuses the rate for a credential.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderGate".
 */
export interface ProviderGate {
  dependency: string;
  /**
   * Absent: of all models without state of their own.
   */
  model?: string;
  /**
   * Of calls that ask for no answer, such as counts of tokens.
   */
  votes?: false;
  /**
   * Names the credential, without telling it.
   */
  account: string;
  /**
   * For so long from now.
   */
  forMs: number;
}
/**
 * First message of the operator: the term in which it leads. The runtime takes no configuration of a lower term from now on.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Announce".
 */
export interface Announce {
  type: 'Announce';
  term: number;
}
/**
 * Puts a configuration in force, whatever its revision, unless term is below the highest one announced.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Configure".
 */
export interface Configure {
  type: 'Configure';
  term: number;
  configuration: Configuration;
}
/**
 * Other pods of the agent to which the runtime may forward requests, in place of those that it was told before. It forgets them when it has no link.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Siblings".
 */
export interface Siblings {
  type: 'Siblings';
  term: number;
  /**
   * @maxItems 32
   */
  pods: Sibling[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Sibling".
 */
export interface Sibling {
  pod: string;
  /**
   * IP address.
   */
  address: string;
  inFlight: number;
  queued: number;
  capacity: number;
}
/**
 * What the fleet's circuits order this pod. Ignored if term is below the highest one announced. The runtime answers with Counters that hold these circuits.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FleetCircuits".
 */
export interface FleetCircuits {
  type: 'FleetCircuits';
  term: number;
  /**
   * @maxItems 256
   */
  orders: FleetCircuitOrder[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FleetCircuitOrder".
 */
export interface FleetCircuitOrder {
  dependency: string;
  /**
   * As in FleetCircuitReport. A circuit that no call has asked yet follows too.
   */
  model?: string;
  /**
   * Names the order; a repeated one has the same.
   */
  number: string;
  /**
   * Open: reject calls. Probe: one call at a time passes. Closed: the fleet has closed.
   */
  state: 'Open' | 'Probe' | 'Closed';
  reason: string;
  /**
   * When it lapses unless it is repeated, counted from its arrival.
   */
  lifetimeMs?: number;
  openForMs?: number;
  /**
   * Failed probes since the fleet opened.
   */
  reopened?: number;
  probeInMs?: number;
  /**
   * Names the probe; one outcome for each.
   */
  grant?: string;
  /**
   * UID of the pod that probes.
   */
  prober?: string;
  /**
   * The probes have succeeded, and pods are let go one after the other.
   */
  closing?: boolean;
}
/**
 * What the pod may take of the limits of the fleet. It comes at each heartbeat of the leader and whenever there are tokens for the pod. The first one of a session ends the sessions before.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Grant".
 */
export interface Grant {
  type: 'Grant';
  term: number;
  /**
   * Grows with each link that the leader of this term opens to any pod.
   */
  session: number;
  /**
   * Grows by one within the session.
   */
  number: number;
  /**
   * Number of the last FleetReport that the leader took. The tokens that the pod holds are valid for FLEET.blockMs after it was sent. Absent: the leader renews no tokens.
   */
  acknowledged?: number;
  /**
   * Whether the pod answers with a FleetReport at once, as each heartbeat asks for. Absent: false.
   */
  answer?: boolean;
  /**
   * The leader stops soon. It counts on nothing of the pod any more when another leader has begun a session. Absent: false.
   */
  leaving?: boolean;
  /**
   * @maxItems 1024
   */
  limits: LimitGrant[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "LimitGrant".
 */
export interface LimitGrant {
  target: string;
  name: string;
  resource: string;
  /**
   * As in the LimitUse that it answers. The pod takes no other.
   */
  block: number;
  /**
   * Tokens granted in this session, in all.
   */
  granted: number;
  /**
   * Most that the leader can grant for one call. A call that costs more takes this much.
   */
  largest: number;
  /**
   * Number of the last FleetReport whose need the leader has looked at. 0: none.
   */
  answered: number;
  /**
   * Time until there may be tokens for what the pod still needs; 0 when it needs none.
   */
  waitMs: number;
}
/**
 * The leader ends a session: it grants nothing more, and does without the pod's share from now on.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Release".
 */
export interface Release {
  type: 'Release';
  term: number;
  session: number;
}
/**
 * What the pod may take of limits that providers enforce on a credential that all pods of the agent share.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderShares".
 */
export interface ProviderShares {
  type: 'ProviderShares';
  term: number;
  /**
   * Whether the pod answers with a ProviderUse at once. Absent: false.
   */
  answer?: boolean;
  /**
   * @maxItems 256
   */
  limits: ProviderLimitShare[];
  /**
   * Where the provider told another pod to wait.
   *
   * @maxItems 128
   */
  gates: ProviderGate[];
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderLimitShare".
 */
export interface ProviderLimitShare {
  dependency: string;
  /**
   * Absent: of all models without state of their own.
   */
  model?: string;
  /**
   * Of calls that ask for no answer, such as counts of tokens.
   */
  votes?: false;
  /**
   * Names the credential, without telling it.
   */
  account: string;
  resource: string;
  limit: number;
  /**
   * What is left for all pods, as the leader estimates it.
   */
  remaining: number;
  /**
   * Time until the limit is full again if nobody takes more.
   */
  resetMs: number;
  /**
   * Time since the provider said what the estimate is from.
   */
  ageMs: number;
  /**
   * As in the ProviderLimitUse that it is from. The pod takes no other. Absent: the pod has told nothing yet.
   */
  count?: number;
  /**
   * As in that ProviderLimitUse: what the pod took since then counts against amount.
   */
  taken?: number;
  /**
   * Tokens that the pod may take at once.
   */
  amount: number;
  /**
   * Tokens per millisecond that come to it.
   */
  perMs: number;
  /**
   * When the share lapses unless it is repeated, counted from its arrival. Then the pod has its safe share.
   */
  lifetimeMs: number;
}
