/**
 * Adds the fields that an earlier operator leaves out, before validation. Each value keeps the behaviour that the
 * earlier operator expects. The values never change, even if a default of a resource does.
 */
import type { Content } from '../../contract/generated/types.ts';

type Json = Record<string, unknown>;

/** Part of a configuration, from an operator that leaves newer fields out. */
export type Earlier<T> = T extends readonly (infer E)[]
  ? Earlier<E>[]
  : T extends object
    ? { [K in keyof T]?: Earlier<T[K]> }
    : T;

const CONTENT = {
  // That operator has no retries, and no bulkhead.
  retry: { maxAttempts: 1, baseDelayMs: 500, maxDelayMs: 8000, budgetPercent: 20, minPerSecond: 1 },
  bulkhead: { maxConcurrent: 1_000_000, maxQueued: 100, acquireTimeoutMs: 5000 },
  loadBalancing: 'LeastLoaded',
  // That operator has no affinity.
  affinity: { mode: 'Disabled' },
  maxRetryAfterMs: 5000,
  // That operator sends no siblings.
  whenFull: 'Reject',
  gates: { maxProviderWaitMs: 300_000 },
  // That operator shares no limits of providers: each pod uses all that its own answers state.
  providerLimits: { maxPods: 1 },
  // That operator bounds only the size of a body. The bounds on memory apply all the same.
  requestLimits: {
    maxBodyBytes: 33_554_432,
    maxBodyBytesInFlight: 67_108_864,
    bodyIdleTimeoutMs: 10_000,
    minBodyBytesPerSecond: 1024,
    maxConnections: 1_000_000,
    maxConnectionsPerAddress: 1_000_000,
  },
  egress: { allowHosts: [], denyPrivateNetworks: true },
  telemetry: { logging: { successRatio: 0, levels: {} }, baggage: 'Drop', userId: 'Hashed' },
  security: {
    incidents: {
      windowMs: 600_000,
      maxTracked: 1000,
      thresholds: { ToolMisuse: 5, LimitAbuse: 100, MalformedInput: 10 },
      raiseAt: 10,
      manySources: 10,
      spend: { factor: 5, hours: 24, minTokens: 100_000 },
    },
    responses: [],
  },
};

/** Members of a field of content; of each element if the field is a list. */
const PARTS: Record<string, Json> = {
  timeouts: { streamMs: 3_600_000, toolMs: 30_000 },
  shutdown: { handlerTimeoutMs: 2000 },
  retry: { minPerSecond: 1 },
  telemetry: { baggage: 'Drop', userId: 'Hashed' },
  endpoints: { priority: 0, weight: 1, requires: [] },
  // That operator has no store but the memory of pods.
  conversation: { store: 'Memory' },
  tools: { requires: [] },
  mcpServers: { requires: [], checkIntervalMs: 0 },
  circuits: {
    // That operator never counts such calls as timeouts: 100 years.
    abandonedAfterMs: 3_155_760_000_000,
    failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
    recovery: { rampUpMs: 0 },
    mode: 'Enforce',
    requires: [],
  },
  limits: {
    maxKeys: 10_000,
    onLimit: 'Reject',
    maxWaitMs: 2000,
    mode: 'Enforce',
    requires: [],
  },
};

/** That operator has no store besides the leader. */
const LIMIT_FLEET = { store: 'Leader', storeTimeoutMs: 250 };

/** That operator has no queue: the circuit rejects calls beside its probes at once. */
const HALF_OPEN = { queueTimeoutMs: 0 };

const JWT = {
  keys: { timeoutMs: 5000, refreshMs: 300_000, maxAgeMs: 86_400_000, cooldownMs: 10_000 },
};

/** Adds the missing fields. Returns a value that is no configuration unchanged. */
export function upgradeConfiguration(value: unknown): unknown {
  if (!isObject(value) || !isObject(value['content'])) return value;
  return { ...value, content: upgradeContent(value['content']) };
}

export function upgradeContent(content: Earlier<Content>): Content {
  const parts = Object.entries({ ...CONTENT, ...content }).map(([field, value]) => {
    if (field === 'auth' && isObject(value) && 'jwt' in value) {
      return [field, { ...value, jwt: completed(value['jwt'], JWT) }];
    }
    if (field === 'limits' && Array.isArray(value)) return [field, value.map(completedLimit)];
    if (field === 'circuits' && Array.isArray(value)) return [field, value.map(completedCircuit)];
    return [field, completed(value, PARTS[field])];
  });
  return Object.fromEntries(parts) as Content;
}

function completedLimit(limit: unknown): unknown {
  const whole = completed(limit, PARTS['limits']);
  if (!isObject(whole) || !('fleet' in whole)) return whole;
  return { ...whole, fleet: completed(whole['fleet'], LIMIT_FLEET) };
}

function completedCircuit(circuit: unknown): unknown {
  const whole = completed(circuit, PARTS['circuits']);
  if (!isObject(whole)) return whole;
  return { ...whole, halfOpen: completed(whole['halfOpen'], HALF_OPEN) };
}

function completed(value: unknown, added: Json | undefined): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => completed(element, added));
  return isObject(value) && added !== undefined ? { ...added, ...value } : value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
