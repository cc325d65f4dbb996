/**
 * What operator and runtime agree on besides the messages: how a link is opened and which
 * features exist. The messages are in the JSON Schemas beside this file.
 */

/** Version of the contract. A peer of the version before is spoken to as well, one of any other is not; see versions.ts. */
export const CONTRACT_VERSION = 1;

/** Path and WebSocket subprotocol of a link on the control port. */
export const LINK_PATH = '/v1/link';
export const LINK_PROTOCOL = 'breakwater.v1';

/** Largest message of the operator, in bytes. A resolved configuration stays below 900 KiB. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
export const MAX_CONFIGURATION_BYTES = 900 * 1024;

/** Largest message of a pod, and of these its Hello, which comes before it has proven who it is. */
export const MAX_REPORT_BYTES = 512 * 1024;
export const MAX_HELLO_BYTES = 64 * 1024;

/** What a pod sends over time, at most and for long. The operator lets more pass; see LINK_BYTES_PER_SECOND. */
export const REPORT_PACE = { bytesPerSecond: 64 * 1024, transitionsPerSecond: 32 } as const;

/**
 * How leader and pods share limits of the fleet. Each side waits longer for itself than it lets the other one wait:
 * a pod for `toleranceMs` more before it takes its safe share, the leader before it counts tokens of a pod as gone.
 */
export const FLEET = {
  /** Between two Grants to a pod, at most. */
  heartbeatMs: 1000,
  /** The leader has a pod's safe share for so long after it sent the last Grant that the pod answered. */
  pledgeMs: 3000,
  /** Tokens are valid for so long after the pod sent the last report that the leader acknowledged. */
  blockMs: 3000,
  /**
   * A leader that is asked to stop goes on granting for so long, or until the next one has all pods. It is less than what
   * a Lease lasts beyond its holder's term, so that nobody who waits for the Lease to expire meets such a leader.
   */
  leavingMs: 4000,
  /** For rounding, and for clocks that do not run equally fast. */
  toleranceMs: 150,
} as const;

/** Audience of the token that a pod shows; nothing but the operator has it reviewed. */
export const CONTROL_AUDIENCE = 'breakwater.dev/control';

/** Common name of the operator's client certificate. */
export const OPERATOR_COMMON_NAME = 'breakwater-operator';

/** Ports of an agent pod. */
export const PORTS = { agent: 8080, metrics: 9090, control: 9443, debug: 9091 } as const;

/** Where the operator mounts things into an agent pod, and the keys of its ConfigMap. */
export const MOUNTS = {
  configuration: '/etc/breakwater',
  configurationKey: 'configuration.json',
  authorityKey: 'authority.pem',
  token: '/var/run/secrets/breakwater.dev/control',
  tokenKey: 'token',
  credentials: '/var/run/secrets/breakwater.dev/credentials',
  prompt: '/etc/breakwater-prompt',
  headers: '/var/run/secrets/breakwater.dev/headers',
  trustedCA: '/etc/breakwater-trusted-ca',
  callers: '/var/run/secrets/breakwater.dev/callers',
  audit: '/var/log/breakwater/audit',
} as const;

/** Limits on requests that the agent takes have this target; others name a dependency. */
export const INBOUND = 'inbound';

/** In place of a dependency: what callers are checked by. */
export const AUTH = 'auth';

/** What this version's runtime can do, announced in its Hello. */
export const FEATURES = [
  'Endpoint.Anthropic',
  'Endpoint.Bearer',
  'Endpoint.HeadersFrom',
  'Endpoint.ClientCertificate',
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
  'Limit.Principal',
  'Limit.Queue',
  'Limit.Shadow',
  'Limit.Fleet',
  'Limit.Store',
  'Dependency.tool',
  'Dependency.mcp',
  'Mcp.ToolsHash',
  'Network.Proxy',
] as const;
