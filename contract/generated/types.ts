/* Generated from the JSON Schemas in contract/ by `make generate`; do not edit. */

/**
 * Features that a runtime needs for this element. A runtime without one of them ignores the element and reports it as unsupported.
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
 * Shadow: decides and counts, but never rejects.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Mode".
 */
export type Mode = 'Enforce' | 'Shadow';
/**
 * What a pod does without its store, or without a leader after it has used its tokens. SafeShare: it refills its share of the limit. Deny: it admits nothing. Allow: it admits everything.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "WithoutLeader".
 */
export type WithoutLeader = 'SafeShare' | 'Deny' | 'Allow';
/**
 * Counts of durations by the index of their bucket in a DDSketch with 2 % accuracy over milliseconds; see durations.ts.
 *
 * @maxItems 2048
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "DurationBuckets".
 */
export type DurationBuckets = number[][];
/**
 * Performance of the process since its start, by operation. In Counters only after a change, and not in each of them.
 *
 * @maxItems 8
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Performance".
 */
export type Performance = OperationReport[];
/**
 * See contract/incidents.ts. Pods of another version may use other names.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "IncidentType".
 */
export type IncidentType = string;
/**
 * @maxItems 4
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ToolNames".
 */
export type ToolNames = string[];
/**
 * Messages of a runtime after its Hello: a Snapshot at once and after each configuration, each Transition as it happens, and Counters at most once a second.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Report".
 */
export type Report = Snapshot | TransitionReport | Counters | FleetReport | ProviderUse;
/**
 * Messages of the operator's leader to a runtime.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Command".
 */
export type Command =
  | Announce
  | Configure
  | Siblings
  | FleetCircuits
  | Grant
  | Release
  | ProviderShares
  | NamespaceDeleted;

export interface Contract {}
/**
 * Orders configurations, by term and then by counter.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Revision".
 */
export interface Revision {
  /**
   * Term of the leader that wrote it.
   */
  term: number;
  /**
   * Increases by one with each configuration of the agent.
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
   * Other paths of the provider's API that the agent forwards, each with all paths below it. Absent: none.
   */
  routes?: string[];
  /**
   * How endpoints of one priority share requests: RoundRobin, LeastLoaded, Weighted or Random. Any other value: LeastLoaded.
   */
  loadBalancing: string;
  /**
   * Which requests for messages stay at one of several endpoints with the same priority.
   */
  affinity: {
    /**
     * Automatic: requests of a session, and requests that use the prompt cache. Always: all requests. Disabled: none. Any other value: Disabled.
     */
    mode: string;
    /**
     * Header that names the session, in lower case. Absent: only the header of Claude Code.
     */
    header?: string;
  };
  /**
   * Timeouts of a request to the model; toolMs: of a call of a tool. An absent one does not apply.
   */
  timeouts: {
    connectMs: DurationMs;
    requestMs: DurationMs;
    attemptMs?: DurationMs;
    firstTokenMs?: DurationMs;
    streamMs: DurationMs;
    streamIdleMs?: DurationMs;
    transportIdleMs?: DurationMs;
    toolMs: DurationMs;
  };
  shutdown: {
    /**
     * Time for Services to learn that the pod is unready. Until its end the pod accepts new requests.
     */
    endpointLagMs: number;
    /**
     * Time after endpointLagMs for open requests to finish.
     */
    drainTimeoutMs: number;
    /**
     * Time after drainTimeoutMs for all shutdown handlers together to save state.
     */
    handlerTimeoutMs: number;
    /**
     * Time that the program has to exit after SIGTERM, which it gets when the pod is drained. Present only with a program.
     */
    programTimeoutMs?: number;
  };
  /**
   * Retries of requests to the model. Absent: none.
   */
  retry: {
    /**
     * Largest number of attempts, including the first.
     */
    maxAttempts: number;
    baseDelayMs: DurationMs;
    maxDelayMs: DurationMs;
    /**
     * Retries and moves to other endpoints that a dependency may cause, as a share of its recent requests.
     */
    budgetPercent: number;
    /**
     * Retries and moves that it may cause in addition to budgetPercent.
     */
    minPerSecond: number;
  };
  /**
   * Longest retry-after in the runtime's own error responses.
   */
  maxRetryAfterMs: number;
  /**
   * Gates hold calls back while a provider refuses their credential.
   */
  gates: {
    /**
     * Longest time until a shut gate admits one call, even if the provider asks for a longer wait. Doubles each time that the provider refuses that call.
     */
    maxProviderWaitMs: number;
  };
  /**
   * Limits that providers state in their answers.
   */
  providerLimits: {
    /**
     * Largest number of pods that can use the same credential at once. Without a leader, each pod uses its equal part of the remaining tokens. 1: this pod uses all of them.
     */
    maxPods: number;
  };
  /**
   * Bounds the concurrent requests of the agent's API. maxQueued and acquireTimeoutMs also bound the queue at a dependency with maxConcurrent. Absent: no bound.
   */
  bulkhead: {
    maxConcurrent: number;
    maxQueued: number;
    acquireTimeoutMs: DurationMs;
  };
  /**
   * How the agent handles a request without a place in the bulkhead or at any endpoint. Forward: another pod with room serves it. A request is forwarded only once.
   */
  whenFull: 'Forward' | 'Reject';
  /**
   * Limits on what any client may send.
   */
  requestLimits: {
    maxBodyBytes: number;
    /**
     * Largest sum of the bodies of all requests that arrive or are being served.
     */
    maxBodyBytesInFlight: number;
    bodyIdleTimeoutMs: DurationMs;
    /**
     * Least rate of an arriving body, in each period of bodyIdleTimeoutMs.
     */
    minBodyBytesPerSecond: number;
    maxConnections: number;
    /**
     * Counts only connections on which the agent has accepted no credential yet.
     */
    maxConnectionsPerAddress: number;
  };
  security: Security;
  audit?: Audit;
  /**
   * Networks in CIDR notation whose x-forwarded-for the agent trusts. Absent: none.
   *
   * @maxItems 64
   */
  trustedProxies?: string[];
  /**
   * HTTP proxies. Absent: those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the pod.
   */
  proxy?: {
    /**
     * Proxy for http URLs. Absent: none.
     */
    http?: string;
    /**
     * Proxy for https URLs. Absent: none.
     */
    https?: string;
    /**
     * Names, addresses and networks that bypass the proxies. Those of the cluster always do.
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
   * Authentication of clients. Absent: none, so that anybody may call the agent. An unknown type admits no client.
   */
  auth?: {
    /**
     * APIKeys or JWT.
     */
    type: string;
    /**
     * Limit on wrong credentials for each address. Absent: no limit.
     */
    failures?: {
      perMinute: number;
      maxAddresses: number;
    };
    /**
     * Permissions of clients. The first entry that names a client applies. A client without an entry may do nothing. Absent: every client may do everything.
     *
     * @maxItems 64
     */
    clients?: ClientRule[];
    apiKeys?: {
      /**
       * Directory in the pod. Each file has the name of a client and holds its API keys, one per line.
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
       * How the agent fetches and caches the keys of jwksURL.
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
   * Conversations that the agent stores. Absent: it serves none.
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
     * DNS name with the addresses of all pods of the agent.
     */
    peers?: string;
    /**
     * Memory: the pod where a conversation began keeps it. Redis: the one of `redis` does.
     */
    store: 'Memory' | 'Redis';
  };
  /**
   * A Redis of the user, for conversations, limits by key and lists of tools. Absent: none.
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
  program?: Program;
  /**
   * Limits on hosts that the spec does not name.
   */
  egress: {
    /**
     * Allowed hosts; *.DOMAIN allows all below a domain. Empty: every host.
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
   * Who serves the endpoint, such as Anthropic. A runtime ignores an endpoint of an unknown provider.
   */
  provider: string;
  model?: string;
  /**
   * Models that the endpoint serves. Absent: any.
   */
  models?: {
    /**
     * As clients name it.
     */
    name: string;
    /**
     * As the endpoint names it.
     */
    as: string;
  }[];
  /**
   * Betas that the endpoint knows. Absent: it gets those of each request.
   */
  betas?: {
    accept: string[];
    others: 'PassOver' | 'Drop' | 'Send';
  };
  baseURL: string;
  /**
   * Of AWS, or location of Google.
   */
  region?: string;
  /**
   * Project of Google.
   */
  project?: string;
  /**
   * Workspace of the Claude Platform.
   */
  workspace?: string;
  /**
   * Mounted API key. Absent: the endpoint gets the client's own credentials.
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
   * Header of the key. APIKey: x-api-key, or api-key for OpenAI. Bearer: authorization. Absent: APIKey.
   */
  credentialScheme?: 'APIKey' | 'Bearer';
  /**
   * Identity of the agent at a cloud, whose credentials the runtime fetches. One of aws, google and azure.
   */
  identity?: {
    /**
     * Role at AWS. Without roleARN: that of EKS Pod Identity.
     */
    aws?: {
      roleARN?: string;
      /**
       * Whose STS to ask. Goes with roleARN.
       */
      region?: string;
    };
    /**
     * Identity at Google. Without audience: that of the metadata server.
     */
    google?: {
      audience?: string;
      serviceAccount?: string;
    };
    /**
     * Application or managed identity at Azure.
     */
    azure?: {
      tenantID: string;
      clientID: string;
    };
    /**
     * Directory in the pod with the ServiceAccount's token for the cloud. Absent: the identity needs none.
     */
    directory?: string;
  };
  /**
   * Client certificate for TLS, as PEM. Absent: none.
   */
  clientCertificate?: {
    certificate: MountedSecret;
    key: MountedSecret;
  };
  /**
   * Request headers. Each replaces the client's header of the same name. Absent: none.
   */
  headersFrom?: SecretHeader[];
  /**
   * Upper bound on max_tokens: the runtime lowers a larger value. Absent: no bound.
   */
  maxTokens?: number;
  /**
   * Context window of the model, in tokens. Absent: unknown.
   */
  contextTokens?: number;
  /**
   * The usable endpoints with the lowest number serve.
   */
  priority: number;
  /**
   * Share among endpoints of one priority: of requests if loadBalancing is Weighted, and always of sessions.
   */
  weight: number;
  /**
   * Largest number of concurrent requests. Absent: no bound.
   */
  maxConcurrent?: number;
  requires?: Requires;
}
/**
 * Mounted key of a Secret. The file may be missing.
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
 * Request header with its value in a mounted file.
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
   * Responses to the client or address behind an incident. The first that matches the incident applies. Without one the agent only reports the incident.
   *
   * @maxItems 16
   */
  responses: IncidentResponse[];
  promptInjection?: PromptInjection;
  secrets?: Secrets;
  runGuard?: RunGuard;
}
/**
 * When detections of attacks become an incident.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Incidents".
 */
export interface Incidents {
  /**
   * Longest time between two detections of one kind and origin that belong to one incident.
   */
  windowMs: number;
  /**
   * Largest number of origins to track.
   */
  maxTracked: number;
  /**
   * Number of detections that open an incident, by its type. Absent: 1.
   */
  thresholds: {
    [k: string]: number;
  };
  /**
   * Levels that an incident has at least once it has so many detections. Absent: none.
   *
   * @maxItems 64
   */
  escalations?: {
    type: string;
    count: number;
    /**
     * Time in which they come; count is at most 1000 then. Absent: all of the incident count.
     */
    withinMs?: number;
    level: 'Low' | 'Medium' | 'High' | 'Critical';
  }[];
  /**
   * Factor of detections that raises the level of an incident by one step.
   */
  raiseAt: number;
  /**
   * Number of sources with failed authentication that opens an incident about all of them. So many credentials of one source do, too.
   */
  manySources: number;
  /**
   * When the tokens of a client in one hour are an incident.
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
   * Report, Throttle or Block. Any other value: Report.
   */
  action: string;
  durationMs: DurationMs;
  /**
   * Limit on a throttled client.
   */
  requestsPerMinute: number;
  /**
   * When the response ends. Duration: after durationMs. Closed: when the incident closes. Any other value: Duration.
   */
  lift: string;
}
/**
 * Texts to scan for prompt injection. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "PromptInjection".
 */
export interface PromptInjection {
  mode: 'Report' | 'Block';
  sources: {
    source: string;
    threshold: number;
    /**
     * For this source instead of mode. Absent: mode.
     */
    mode?: 'Report' | 'Block';
  }[];
  /**
   * Default and Guides; others are ignored. Absent: Default.
   */
  ruleSets?: string[];
  /**
   * Patterns of the agent's owner. Absent: none.
   *
   * @maxItems 32
   */
  patterns?: {
    name: string;
    /**
     * RE2. One that is none is left out.
     */
    pattern: string;
    weight: number;
    /**
     * Kinds of texts to look at. Absent: all.
     */
    sources?: string[];
  }[];
  /**
   * A guardrail service that is asked too. Absent: none.
   */
  detector?: {
    url: string;
    timeoutMs: DurationMs;
    onFailure: 'Allow' | 'Block';
  };
  /**
   * Tools and MCP servers whose results are not scanned.
   */
  exempt: string[];
  blockedResults: 'Replace' | 'Fence';
}
/**
 * Texts to scan for secrets. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Secrets".
 */
export interface Secrets {
  mode: 'Report' | 'Redact' | 'Block';
  sources: string[];
}
/**
 * Ends a turn that repeats itself or uses too much. Absent: never.
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
   * Whether to report repeated calls of tools in requests to /v1/messages.
   */
  messages: boolean;
}
/**
 * Audit of events. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Audit".
 */
export interface Audit {
  stdout: boolean;
  /**
   * Audit file. Absent: none.
   */
  file?: {
    /**
     * Pods can share it. Each writes to a subdirectory with the name of the pod.
     */
    directory: string;
    maxBytes: number;
    maxFiles: number;
  };
  otlp?: AuditReceiver;
  memoryEvents: number;
  /**
   * Largest backlog of each sink in memory.
   */
  bufferBytes: number;
  authenticationIntervalMs: number;
  /**
   * Tools whose arguments the audit records, by their names as the model knows them.
   *
   * @maxItems 64
   */
  argumentsOf: string[];
  /**
   * Whether to refuse requests while events cannot be stored.
   */
  required: boolean;
}
/**
 * Collector of audit events. Absent: none.
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
 * Certificates of authorities, as PEM, that the agent trusts besides the system's. Absent: none.
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
 * Cache for identical requests. cache: answers of the model. toolCache: results of tools that have a cache. Absent: nothing is cached.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Cache".
 */
export interface Cache {
  /**
   * PerPrincipal or Shared. Any other value: PerPrincipal.
   */
  scope: string;
  hot: CacheTier;
  warm: CacheTier;
  cold: CacheTier;
  /**
   * A changed value empties the cache once.
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
   * Name of an API key or subject of a token. * matches every client.
   */
  name?: string;
  /**
   * Claim of a token that must equal the value, or be a list or a text of words that contains it.
   */
  claim?: {
    name: string;
    value: string;
  };
  allow: {
    /**
     * Absent: all, but Provider only without models and maxTokens.
     */
    routes?: ('Messages' | 'CountTokens' | 'Models' | 'Conversations' | 'Provider')[];
    /**
     * Names, or prefixes that end in *. Absent: all.
     */
    models?: string[];
    /**
     * Tools in conversations: names as the model knows them, or prefixes that end in *. Absent: all.
     */
    tools?: string[];
    maxTokens?: number;
    /**
     * Own or All. Any other value: Own.
     */
    conversations: string;
    /**
     * Whether the client may do everything.
     */
    admin: boolean;
  };
}
/**
 * Mounted key of a ConfigMap. The file may be missing.
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
 * A tool over HTTP. Its dependency is tool/NAME.
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
     * {NAME} stands for a property of the input.
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
   * Caches results. Absent: no cache.
   */
  cache?: {
    ttlMs: DurationMs;
  };
  maxConcurrent?: number;
  requires?: Requires;
}
/**
 * An MCP server over streamable HTTP. Its dependency is mcp/NAME.
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
   * Names of the tools that the agent may use. Absent: all.
   */
  allowedTools?: string[];
  /**
   * Expected hash of the tools. While they have another hash, the model does not get them. Absent: any hash.
   */
  toolsHash?: string;
  /**
   * After this time without a call, the runtime asks for the list of tools. 0: never.
   */
  checkIntervalMs: number;
  /**
   * Caches results of these tools. Absent: no cache.
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
 * A check of a pod's health, besides the circuits of its dependencies. A check with neither http nor tcp succeeds.
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
 * The program beside the runtime, at 127.0.0.1. Its dependency is program. Absent: none.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Program".
 */
export interface Program {
  port: number;
  /**
   * The program's MCP server, which no client reaches. The dependency of each tool is tool/NAME. Circuits and limits of tool/* apply to each tool that has none of its own.
   */
  tools?: {
    path: string;
  };
  /**
   * What clients reach: these paths and all below them, except for the runtime's own routes. Absent: nothing.
   */
  http?: {
    /**
     * @minItems 1
     * @maxItems 16
     */
    paths: string[];
  };
  /**
   * Where a status from 200 to 399 says that the program works. Absent: any answer to GET / says so.
   */
  health?: {
    path: string;
  };
}
/**
 * Traces, logs and metrics of the requests that the pods serve.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Telemetry".
 */
export interface Telemetry {
  /**
   * Forward: endpoints get the client's baggage header. Any other value: they do not.
   */
  baggage: string;
  /**
   * user.id in spans. Plain: the name of the client's API key or the subject of its token. Any other value: a hash of it.
   */
  userId: string;
  /**
   * Authentication of scrapers. Absent: none.
   */
  metrics?: {
    token: MountedSecret1;
  };
  /**
   * Export of traces by OTLP over HTTP. Absent: the OTEL_* variables of the pod apply.
   */
  tracing?: {
    /**
     * URL of the collector, without /v1/traces.
     */
    endpoint: string;
    /**
     * @maxItems 16
     */
    headersFrom: SecretHeader[];
    /**
     * Share of traces to keep, of those that begin here.
     */
    ratio: number;
    /**
     * Whether to follow the client's sampling decision for traces that it has begun.
     */
    parentBased: boolean;
    /**
     * Full: spans hold prompts and answers. Any other value: they do not.
     */
    content: string;
  };
  logging: {
    /**
     * Share of the requests that succeed at the first attempt to write an access line for. All other requests get one.
     */
    successRatio: number;
    /**
     * Trace, Debug, Info, Warn, Error or Silent, by module. Absent or any other value: the level of the process.
     */
    levels: {
      [k: string]: string;
    };
  };
}
/**
 * Mounted key of a Secret. The file may be missing.
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
   * Name of the CircuitBreakerPolicy. Absent: the built-in defaults apply.
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
     * Longest wait of a call for the outcome of the probes. 0: the circuit rejects it at once.
     */
    queueTimeoutMs: number;
  };
  /**
   * A streamed call counts as a Timeout if its client leaves after at least this time and nothing has arrived.
   */
  abandonedAfterMs: number;
  /**
   * Classes of failures that count. The circuit ignores others.
   *
   * @maxItems 16
   *
   * Items: ServerError, Overloaded, Timeout, Connection, InvalidResponse or RateLimited.
   */
  failureOn: string[];
  recovery: {
    /**
     * Time after closing in which the circuit admits 10, 25 and 50 % of the calls, for a third each. 0: it admits all at once.
     */
    rampUpMs: number;
  };
  mode: Mode;
  /**
   * Adds one circuit for all pods together to the circuits of each pod. Absent: each pod has only its own.
   */
  fleet?: {
    /**
     * Share of the pods with calls that must see failures. At least two pods must.
     */
    quorumPercent: number;
  };
  /**
   * Holds the circuit in a state, whatever its calls do. Expires by the clock of the pod.
   */
  override?: {
    state: 'Open' | 'Closed';
    reason?: string;
    /**
     * RFC 3339. Absent: never.
     */
    expiresAt?: string;
  };
  /**
   * A changed value closes the circuit once. The first value that a circuit sees changes nothing.
   */
  resetToken?: string;
  requires: Requires;
}
/**
 * Opens the circuit when this share of the calls in the window failed. Either windowMs or calls sets the window.
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
   * Least number of ended calls in the window before the rule applies.
   */
  minimumCalls: number;
}
/**
 * Opens the circuit when this share of the calls in the window was slower. Either windowMs or calls sets the window.
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
   * Least number of ended calls in the window before the rule applies.
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
   * What the limit counts: Requests, InputTokens, OutputTokens or TotalTokens. A runtime ignores a limit with another value.
   */
  resource: string;
  refill: {
    amount: number;
    perMs: DurationMs;
  };
  capacity: number;
  /**
   * Key of a request. Each key has a bucket of its own. Absent: all requests share one bucket.
   */
  key?: {
    /**
     * Name of a request header, in lower case. Requests without it share a bucket.
     */
    header?: string;
    /**
     * Client, instead of header: the authenticated client is the key.
     */
    type?: 'Client';
  };
  /**
   * Other figures, until a time by the clock of the pod. A runtime of an earlier version enforces the limit without them.
   */
  override?: {
    refill: {
      amount: number;
      perMs: DurationMs;
    };
    capacity: number;
    /**
     * RFC 3339. Absent: never.
     */
    expiresAt?: string;
  };
  /**
   * Largest number of buckets. Further keys share one bucket.
   */
  maxKeys: number;
  onLimit: 'Reject' | 'Queue';
  maxWaitMs: DurationMs;
  mode: Mode;
  /**
   * Shares the limit among all pods of the agent. Absent: each pod has buckets of its own.
   */
  fleet?: {
    /**
     * Leader: the leader grants tokens. Redis: the one of `redis` holds a bucket for each key.
     */
    store: 'Leader' | 'Redis';
    /**
     * Longest wait for a response of Redis.
     */
    storeTimeoutMs: number;
    withoutLeader: WithoutLeader;
    /**
     * Largest number of pods. The safe share of a pod is the limit divided by this number.
     */
    maxPods: number;
  };
  requires: Requires;
}
/**
 * Resolved configuration of one agent. The operator writes it to the agent's ConfigMap and pushes it over the link.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Configuration".
 */
export interface Configuration {
  revision: Revision;
  /**
   * SHA-256 of content as canonical JSON (sorted keys, no white space). Equal hashes mean equal configurations.
   */
  hash: string;
  content: Content;
}
/**
 * First message of a runtime on a link: its identity, proven by its token, and its features.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Hello".
 */
export interface Hello {
  type: 'Hello';
  /**
   * Version of the contract on this link. Each side also speaks the previous version. Within a version, receivers ignore unknown fields.
   */
  contract: number;
  /**
   * Features of the runtime; see Requires in the configuration.
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
   * Random name of this process. Numbers of transitions count within it.
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
   * Highest term that a leader announced or a configuration carried; 0 if none.
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
   * The last transitions, oldest first.
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
   * Missing keys of ConfigMaps. Absent: none.
   *
   * @maxItems 64
   */
  missingConfigMaps?: {
    configMap: string;
    key: string;
  }[];
  /**
   * Endpoints whose identity cannot renew its credentials. Absent: none.
   *
   * @maxItems 64
   */
  identities?: {
    dependency: string;
    /**
     * What to change.
     */
    problem: string;
    /**
     * Whether credentials are still valid.
     */
    serves: boolean;
  }[];
  performance?: Performance;
  audit?: AuditHead;
  load?: Load;
  security?: SecurityReport;
  /**
   * All health checks. Absent: the runtime is too old to tell.
   *
   * @maxItems 16
   */
  healthChecks?: HealthCheckStatus[];
  /**
   * MCP servers with known tools. Absent: the runtime is too old to tell.
   *
   * @maxItems 16
   */
  mcpServers?: McpServerStatus[];
  program?: ProgramStatus;
  /**
   * The gate of each dependency that has one, shut or not. Absent: the runtime is too old to tell.
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
   * Hash of the configuration in force. Absent: none is.
   */
  hash?: string;
  /**
   * File or Link.
   */
  source?: string;
  /**
   * Present if the last offered configuration was refused as a whole, so that the previous one is still in force.
   */
  refused?: {
    source: string;
    hash?: string;
    /**
     * Why it is invalid, without values.
     */
    message: string;
    time: string;
  };
  /**
   * Parts of the configuration that wait until the pod is replaced, because it lacks mounts for them. It keeps the former ones. Absent: none.
   *
   * @maxItems 64
   */
  waiting?: string[];
  /**
   * Elements of the configuration that this runtime ignores because it is too old for them.
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
   * Model whose calls the circuit judges. Absent: all models without a circuit of their own.
   */
  model?: string;
  /**
   * Absent: the built-in defaults apply.
   */
  policy?: string;
  state: 'Closed' | 'HalfOpen' | 'Open';
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * Reason of the state, such as '5 consecutive failures (Overloaded)'.
   */
  reason?: string;
  /**
   * RFC 3339. Present only while open.
   */
  nextProbe?: string;
  lastFailure?: {
    class: string;
    message: string;
    time: string;
  };
  /**
   * Whether it decides and counts, but rejects nothing. Absent: false.
   */
  shadow?: boolean;
  /**
   * The override in force. Absent: none is, or it has expired.
   */
  overridden?: 'Open' | 'Closed';
  /**
   * Last resetToken that the circuit has seen. Each but the first has closed it.
   */
  handledResetToken?: string;
  /**
   * Share of the calls of the last 10 s that were served. Present only while the circuit stays closed, or a gate open, because no other endpoint can serve.
   */
  servedPercent?: number;
  fleet?: FleetCircuitReport;
}
/**
 * Counts that the leader adds up over the pods, and the pod's state under the leader's orders. Present only for circuits with the scope Fleet.
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
   * Whether a call has ended within the longest window of time; without such a window, within a minute.
   */
  active: boolean;
  /**
   * Calls in the last whole second, including rejected ones.
   */
  asked: number;
  /**
   * Model of all its calls so far. The leader adds up the circuits of an endpoint by it. Absent: it judges the calls of several models or of the endpoint's only model, or it has had no call.
   */
  model?: string;
  /**
   * Whether it judges the calls of several models. Absent: false.
   */
  shared?: boolean;
  /**
   * Last order, in force or not.
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
   * Result of the last granted probe.
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
   * For a limit with a key: of the bucket that is used most. Keys are never reported. For a limit that a leader shares: of the pod's safe share while it is in use, else 0.
   */
  usedPercent: number;
  /**
   * Since the process started.
   */
  rejected: number;
  /**
   * Whether it has rejected a request in the last 10 seconds.
   */
  limiting: boolean;
  /**
   * Whether an override of the policy is in force. Absent: none is, or the runtime is too old to know any.
   */
  overridden?: boolean;
}
/**
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Transition".
 */
export interface Transition {
  /**
   * Increases by one within a process.
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
  /**
   * Time since the process started.
   */
  seconds?: number;
  count: number;
  failures: number;
  /**
   * Requests that were the client's fault, or that it gave up: neither successes nor failures.
   */
  clientErrors?: number;
  totalMs: number;
  minMs?: number;
  maxMs?: number;
  /**
   * Most frequent first.
   *
   * @maxItems 5
   */
  topErrors?: ErrorCount[];
  recent?: RecentReport;
  /**
   * The same for each endpoint or tool, busiest first.
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
   * Covered time: less than five minutes if the process is younger.
   */
  seconds: number;
  count: number;
  failures: number;
  /**
   * Requests that were the client's fault, or that it gave up: neither successes nor failures.
   */
  clientErrors?: number;
  totalMs: number;
  minMs: number;
  maxMs: number;
  /**
   * Most frequent first.
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
  /**
   * Requests that were the client's fault, or that it gave up: neither successes nor failures.
   */
  clientErrors?: number;
  totalMs: number;
  minMs: number;
  maxMs: number;
  /**
   * Most frequent first.
   *
   * @maxItems 5
   */
  topErrors: ErrorCount[];
  recent: RecentReport;
}
/**
 * Head of the pod's audit chain. Absent: there is none, or in Counters it has not changed.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "AuditHead".
 */
export interface AuditHead {
  chain: string;
  sequence: number;
  hash: string;
  /**
   * Destinations that do not take events now, such as otlp. Absent: there is none.
   *
   * @maxItems 4
   */
  undelivered?: string[];
}
/**
 * Load of the pod. Absent: nothing bounds its requests, or the runtime is too old to tell.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Load".
 */
export interface Load {
  /**
   * Requests that the pod serves.
   */
  inFlight: number;
  /**
   * Requests that wait for a place, here or at an endpoint.
   */
  queued: number;
  /**
   * Largest number of concurrent requests: that of its bulkhead or of all its endpoints together, whichever is less.
   */
  capacity: number;
  /**
   * Whether other pods may forward requests to it: it is not shutting down, and an endpoint takes calls.
   */
  accepts: boolean;
  /**
   * Streamed answers under way.
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
   * Open incidents, gravest first.
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
   * Incidents by threat level, those with any. Absent: the runtime is too old to tell.
   *
   * @maxItems 4
   */
  levels?: {
    level: 'Low' | 'Medium' | 'High' | 'Critical';
    open: number;
    /**
     * Since the process began. An incident whose level rises counts at each level that it reaches.
     */
    total: number;
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
   * Target of the attempt, such as tool/find_order.
   */
  resource?: string;
  /**
   * Evidence, without any text of a client, a model or a tool.
   */
  message: string;
}
/**
 * The last incident that opened; it may be closed.
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
   * Target of the attempt, such as tool/find_order.
   */
  resource?: string;
  /**
   * Evidence, without any text of a client, a model or a tool.
   */
  message: string;
}
/**
 * A response to an incident, for one client or address.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ResponseReport".
 */
export interface ResponseReport {
  action: 'Throttle' | 'Block';
  client?: string;
  /**
   * Address, or network of IPv6 addresses, if the client is unknown.
   */
  source?: string;
  /**
   * Id of the incident.
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
   * Present only while the check fails.
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
   * Hash of their names, descriptions and input schemas.
   */
  toolsHash: string;
  tools: number;
  /**
   * Whether the model gets none of them, because the configuration pins another hash.
   */
  withheld: boolean;
  /**
   * Version of MCP that the server speaks. Absent: the pod has not reached it yet, or is too old to tell.
   */
  protocolVersion?: string;
  /**
   * Whether they are those of an earlier list, because the last attempt to fetch it failed. Absent: the runtime is too old to tell.
   */
  stale?: boolean;
  /**
   * Last change since the process started, with up to four names of each kind. Absent: none.
   */
  change?: {
    /**
     * Hash before the change.
     */
    before: string;
    added: ToolNames;
    removed: ToolNames;
    changed: ToolNames;
  };
}
/**
 * The program of the pod, as the runtime sees it. Absent: the configuration has none, or the runtime is too old to tell. Counters have it when it changed.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProgramStatus".
 */
export interface ProgramStatus {
  /**
   * Starting: it has not answered since the runtime or the program started. Silent: it answered before, and does not now.
   */
  state: 'Starting' | 'Serving' | 'Silent';
  /**
   * RFC 3339.
   */
  since: string;
  /**
   * Tools of the last list. Absent: there is no list yet, or the program offers none.
   */
  tools?: number;
  /**
   * Whether it listens on an address of the pod, where clients could reach it without the runtime.
   */
  exposed?: boolean;
  /**
   * Port of the runtime on which the program listens. Absent: none.
   */
  portTaken?: number;
}
/**
 * Whether calls to a dependency are held back although it has not failed.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "GateStatus".
 */
export interface GateStatus {
  dependency: string;
  /**
   * Model whose calls are held back, if others' are not. Of several, the one that waits longest.
   */
  model?: string;
  gate: 'None' | 'RateLimited' | 'SpendLimit' | 'Unauthorized';
  /**
   * RFC 3339: time of the next admitted call. Absent: the gate is None, or the time is unknown.
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
   * Circuits with another last failure, next probe or override.
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
  program?: ProgramStatus;
  /**
   * Those with a change.
   *
   * @maxItems 256
   */
  gates?: GateStatus[];
}
/**
 * Answers a Grant, and asks for tokens of the fleet's limits. Figures are sums since the session began, so that a lost or repeated report does no harm.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "FleetReport".
 */
export interface FleetReport {
  type: 'Fleet';
  /**
   * Term of the session's leader.
   */
  term: number;
  session: number;
  /**
   * Increases by one within the process.
   */
  number: number;
  /**
   * Number of the last Grant of the session that arrived. The pod leaves its safe share to the leader for FLEET.pledgeMs after the leader sent that Grant, unless that let it rest.
   */
  heard: number;
  /**
   * Time for which an earlier leader may still use the pod's safe share.
   */
  pledgedMs: number;
  /**
   * Whether the safe shares alone would have been enough for FLEET.restAfterMs. Absent: false.
   */
  couldRest?: boolean;
  /**
   * Whether the pod uses its safe shares, and they are enough. Absent: false.
   */
  rests?: boolean;
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
   * Identifies the counts of the process for this limit. Changes when the limit is removed and added again.
   */
  block: number;
  /**
   * Tokens received in this session.
   */
  received: number;
  /**
   * Tokens held at the start of the session.
   */
  carried: number;
  /**
   * Tokens that calls took.
   */
  taken: number;
  /**
   * Tokens given back unused, including expired ones.
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
   * Tokens that the first waiting call lacks; 0 if none waits.
   */
  need: number;
  /**
   * Tokens that the pod asks for, besides those that it holds.
   */
  want: number;
}
/**
 * What this pod knows of the limits that providers enforce on the agent's credentials, and what it takes. Sent when less than half of a limit is left, when a provider refuses the rate, and when the leader asks.
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
   * Absent: all models without a state of their own.
   */
  model?: string;
  /**
   * False: calls that do not vote, such as counts of tokens.
   */
  votes?: false;
  /**
   * Identifies the credential without disclosing it.
   */
  account: string;
  resource: string;
  stated?: ProviderStatement;
  /**
   * Identifies the counts of the process for this limit. Changes when they begin anew.
   */
  count: number;
  /**
   * Sum of the tokens that calls took, less those that they did not use.
   */
  taken: number;
  /**
   * Sum of the tokens that calls asked for, including refused calls.
   */
  asked: number;
  /**
   * Largest need of a refused call since the last report; 0 if none was refused.
   */
  need: number;
  /**
   * Tokens that the pod may take now.
   */
  held: number;
}
/**
 * Last statement of the provider to this pod.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderStatement".
 */
export interface ProviderStatement {
  limit: number;
  remaining: number;
  /**
   * Time from the statement until the limit is full again.
   */
  resetMs: number;
  /**
   * Age of the statement.
   */
  ageMs: number;
  /**
   * Time since the admission of the call with that answer.
   */
  sinceMs: number;
  /**
   * `taken` at the admission of that call.
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
   * Absent: all models without a state of their own.
   */
  model?: string;
  /**
   * False: calls that do not vote, such as counts of tokens.
   */
  votes?: false;
  /**
   * Identifies the credential without disclosing it.
   */
  account: string;
  /**
   * Remaining time.
   */
  forMs: number;
}
/**
 * First message of the operator: its term as leader. From now on the runtime refuses configurations of lower terms.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Announce".
 */
export interface Announce {
  type: 'Announce';
  term: number;
  /**
   * The runtime reports figures that moved this often; see REPORT_INTERVAL. Absent: each second.
   */
  reportEveryMs?: number;
}
/**
 * Puts a configuration in force, whatever its revision, unless a higher term has been announced.
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
 * Replaces the other pods of the agent to which the runtime may forward requests. The runtime uses none while it has no link.
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
 * The namespace is deleted. A pod that shuts down does not wait for Services to learn of it.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "NamespaceDeleted".
 */
export interface NamespaceDeleted {
  type: 'NamespaceDeleted';
  term: number;
}
/**
 * Orders of the fleet's circuits to this pod. Ignored if a higher term has been announced. The runtime answers with Counters that hold these circuits.
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
   * As in FleetCircuitReport. A circuit without any call so far follows, too.
   */
  model?: string;
  /**
   * Identifies the order. A repeated order has the same.
   */
  number: string;
  /**
   * Open: reject calls. Probe: one call at a time passes. Closed: the fleet has closed.
   */
  state: 'Open' | 'Probe' | 'Closed';
  reason: string;
  /**
   * Time from its arrival until it expires, unless it is repeated.
   */
  lifetimeMs?: number;
  openForMs?: number;
  /**
   * Failed probes since the fleet opened.
   */
  reopened?: number;
  probeInMs?: number;
  /**
   * Identifies the probe. Each has one outcome.
   */
  grant?: string;
  /**
   * UID of the pod that probes.
   */
  prober?: string;
  /**
   * Whether the probes have succeeded, so that the leader releases one pod after another.
   */
  closing?: boolean;
}
/**
 * Tokens of the fleet's limits for the pod. Sent at each heartbeat of the leader, and whenever there are tokens for the pod. The first Grant of a session ends all earlier sessions.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "Grant".
 */
export interface Grant {
  type: 'Grant';
  term: number;
  /**
   * Increases with each link that the leader of this term opens to any pod.
   */
  session: number;
  /**
   * Increases by one within the session.
   */
  number: number;
  /**
   * Number of the last FleetReport that the leader has applied. The pod's tokens are valid for FLEET.blockMs after the pod sent it. Absent: the leader renews no tokens.
   */
  acknowledged?: number;
  /**
   * Whether the pod must answer with a FleetReport at once, as at each heartbeat. Absent: false.
   */
  answer?: boolean;
  /**
   * Whether the leader stops soon. It uses nothing of the pod's share once another leader has begun a session. Absent: false.
   */
  leaving?: boolean;
  /**
   * Whether the leader leaves the pod its safe share from now on, and sends no more Grants until a pod needs one. A pod that uses its safe share already goes on. In the first Grant of a session, any other pod ignores this and leaves its share to no one. Absent: false.
   */
  rest?: boolean;
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
   * As in the LimitUse that it answers. The pod ignores any other.
   */
  block: number;
  /**
   * Sum of the tokens granted in this session.
   */
  granted: number;
  /**
   * Largest number of tokens that the leader can grant for one call. A call with a higher cost takes this many.
   */
  largest: number;
  /**
   * Number of the last FleetReport whose need the leader has answered. 0: none.
   */
  answered: number;
  /**
   * Time until there may be tokens for the pod's remaining need; 0 if it has none.
   */
  waitMs: number;
  /**
   * With which tokens the pod's safe share begins. The pod drops the granted ones. Absent: none, or no rest.
   */
  share?: number;
}
/**
 * Ends a session: the leader grants nothing more and no longer uses the pod's share.
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
 * The pod's shares of limits that providers enforce on a credential of all pods of the agent.
 *
 * This interface was referenced by `Contract`'s JSON-Schema
 * via the `definition` "ProviderShares".
 */
export interface ProviderShares {
  type: 'ProviderShares';
  term: number;
  /**
   * Whether the pod must answer with a ProviderUse at once. Absent: false.
   */
  answer?: boolean;
  /**
   * @maxItems 256
   */
  limits: ProviderLimitShare[];
  /**
   * Waits that the provider asked another pod for.
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
   * Absent: all models without a state of their own.
   */
  model?: string;
  /**
   * False: calls that do not vote, such as counts of tokens.
   */
  votes?: false;
  /**
   * Identifies the credential without disclosing it.
   */
  account: string;
  resource: string;
  limit: number;
  /**
   * The leader's estimate of the remaining tokens for all pods.
   */
  remaining: number;
  /**
   * Time until the limit is full again if no call takes tokens.
   */
  resetMs: number;
  /**
   * Age of the statement behind the estimate.
   */
  ageMs: number;
  /**
   * As in the ProviderLimitUse behind the share. The pod ignores any other. Absent: the pod has reported nothing yet.
   */
  count?: number;
  /**
   * As in that ProviderLimitUse. Tokens that the pod took later count against amount.
   */
  taken?: number;
  /**
   * Tokens that the pod may take at once.
   */
  amount: number;
  /**
   * Refill in tokens per millisecond.
   */
  perMs: number;
  /**
   * Time from its arrival until the share expires, unless it is repeated. Then the pod has its safe share.
   */
  lifetimeMs: number;
}
