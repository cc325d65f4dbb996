/**
 * Constants that operator and runtime share: how to open a link, limits of a link, mounts and features. The JSON
 * Schemas beside this file define the messages.
 */

/** Version of the contract. */
export const CONTRACT_VERSION = 1;

/** Path and WebSocket subprotocol of a link on the control port. */
export const LINK_PATH = '/v1/link';
export const LINK_PROTOCOL = `breakwater.v${CONTRACT_VERSION}`;

/** Largest message and largest configuration of the operator, in bytes. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
export const MAX_CONFIGURATION_BYTES = 900 * 1024;

/** Largest report and largest Hello of a pod, in bytes. The Hello arrives before the pod has proven its identity. */
export const MAX_REPORT_BYTES = 512 * 1024;
export const MAX_HELLO_BYTES = 64 * 1024;

/** Highest lasting rate of a pod's reports. The operator tolerates more; see LINK_BYTES_PER_SECOND. */
export const REPORT_PACE = { bytesPerSecond: 64 * 1024, transitionsPerSecond: 32 } as const;

/**
 * How often a pod reports figures that moved: every `leastMs`, and less often the more pods there are, so that the
 * leader takes about `perSecond` such reports. Changes of circuits come at once, whatever the interval.
 */
export const REPORT_INTERVAL = { leastMs: 1000, mostMs: 16_000, perSecond: 1000 } as const;

/**
 * Times by which leader and pods share the limits of a fleet, in milliseconds. Each side adds `toleranceMs` before it
 * uses tokens that the other side may still hold: a pod before it uses its safe share, the leader before it grants the
 * tokens of a silent pod again.
 */
export const FLEET = {
  /** Longest time between two Grants to a pod that does not rest. */
  heartbeatMs: 1000,
  /** The leader may grant a pod's safe share for this long after the last Grant that the pod answered. */
  pledgeMs: 3000,
  /** Granted tokens are valid for this long after the pod's last report that the leader acknowledged. */
  blockMs: 3000,
  /**
   * A leader that shuts down grants tokens for this long, or until the next leader has links to all pods. It stops
   * before its Lease can expire, so that a candidate that waits for the Lease never meets a leader that still grants.
   */
  leavingMs: 4000,
  /** An agent's limits can rest when the safe share of each pod would have been enough for this long. */
  restAfterMs: 5000,
  /** Covers rounding, and clocks that run at different speeds. */
  toleranceMs: 150,
} as const;

/** Audience of the token that a pod shows. Only the operator accepts tokens for it. */
export const CONTROL_AUDIENCE = 'breakwater.dev/control';

/** Common name of the operator's client certificate. */
export const OPERATOR_COMMON_NAME = 'breakwater-operator';

/** Ports of an agent pod. The debug pages and the local API of the program are only on 127.0.0.1. */
export const PORTS = {
  agent: 8080,
  metrics: 9090,
  control: 9443,
  debug: 9091,
  program: 9092,
} as const;

/**
 * Paths on the metrics port for the program's container. `live` passes while the program answers. `drained` answers when the
 * pod is ending and no request is open any more.
 */
export const PROGRAM_PATHS = { live: '/program/live', drained: '/program/drained' } as const;

/** Command in the runtime's container that starts the drain and ends at once. Its image has Node.js there, and no shell. */
export const DRAIN_COMMAND = ['/nodejs/bin/node', '/app/main.js', 'drain'] as const;

/** Paths of mounts in an agent pod, and keys in the mounted objects. */
export const MOUNTS = {
  configuration: '/etc/breakwater',
  configurationKey: 'configuration.json',
  authorityKey: 'authority.pem',
  /** Token of the local API and the debug pages, in pods with a program. A later one replaces it. */
  programTokenKey: 'program-token',
  token: '/var/run/secrets/breakwater.dev/control',
  tokenKey: 'token',
  credentials: '/var/run/secrets/breakwater.dev/credentials',
  prompt: '/etc/breakwater-prompt',
  headers: '/var/run/secrets/breakwater.dev/headers',
  trustedCA: '/etc/breakwater-trusted-ca',
  callers: '/var/run/secrets/breakwater.dev/callers',
  identities: '/var/run/secrets/breakwater.dev/identities',
  audit: '/var/log/breakwater/audit',
} as const;

/** Target of limits on the agent's own API. Other limits name a dependency. */
export const INBOUND = 'inbound';

/** Dependency of an agent's program. */
export const PROGRAM = 'program';

/** Names, in circuits and limits, each tool of the program that has none of its own. */
export const PROGRAM_TOOLS = 'tool/*';

/** Stands for client authentication where a report names a dependency. */
export const AUTH = 'auth';

/** Features of this version's runtime. Its Hello lists them. */
export const FEATURES = [
  'Endpoint.Anthropic',
  'Endpoint.OpenAI',
  'Endpoint.ClaudePlatformAWS',
  'Endpoint.Bedrock',
  'Endpoint.BedrockMantle',
  'Endpoint.Foundry',
  'Endpoint.Vertex',
  'Endpoint.Models',
  'Endpoint.Betas',
  'Endpoint.Bearer',
  'Endpoint.HeadersFrom',
  'Endpoint.ClientCertificate',
  'Endpoint.Identity',
  'LoadBalancing.RoundRobin',
  'LoadBalancing.LeastLoaded',
  'LoadBalancing.Weighted',
  'LoadBalancing.Random',
  'Auth.APIKeys',
  'Auth.JWT',
  'Circuit.ConsecutiveFailures',
  'Circuit.FailureRate',
  'Circuit.SlowCalls',
  'Circuit.FailureOn',
  'Circuit.Shadow',
  'Circuit.Override',
  'Circuit.Fleet',
  'Limit.Requests',
  'Limit.InputTokens',
  'Limit.OutputTokens',
  'Limit.TotalTokens',
  'Limit.Key',
  'Limit.Client',
  'Limit.Queue',
  'Limit.Shadow',
  'Limit.Fleet',
  'Limit.Store',
  'Dependency.tool',
  'Dependency.mcp',
  'Dependency.program',
  'Mcp.ToolsHash',
  'Network.Proxy',
] as const;
