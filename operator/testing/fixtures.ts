/** Objects for tests, as the API server would give them: with defaults filled in. */
import type {
  AgentDeployment,
  AgentDeploymentSpec,
  CircuitBreakerPolicy,
  CircuitBreakerPolicySpec,
  RateLimitPolicy,
  RateLimitPolicySpec,
} from '../../crds/generated/types.ts';
import type { ObjectMeta } from '../../crds/meta.ts';

export const OPTIONS = {
  runtimeImage: 'example.com/breakwater-runtime:1.2.3',
  operatorNamespace: 'breakwater-system',
};

type Endpoint = AgentDeploymentSpec['model']['endpoints'][number];

export function endpoint(name: string, rest: Partial<Endpoint> = {}): Endpoint {
  return { name, provider: 'Anthropic', priority: 0, weight: 1, ...rest };
}

/** A pool of these endpoints. */
export function modelOf(...endpoints: Endpoint[]): AgentDeploymentSpec['model'] {
  return { loadBalancing: 'LeastLoaded', endpoints };
}

/** A cache with the defaults, which is off. */
export function cacheFixture(
  rest: Partial<AgentDeploymentSpec['cache']> = {},
): AgentDeploymentSpec['cache'] {
  return {
    mode: 'Disabled',
    scope: 'PerPrincipal',
    hot: { maxEntries: 100, ttl: '5m' },
    warm: { maxEntries: 500, ttl: '30m' },
    cold: { maxEntries: 2000, ttl: '1h' },
    ...rest,
  };
}

export function agentFixture(
  name = 'triage',
  spec: Partial<AgentDeploymentSpec> = {},
  metadata: Partial<ObjectMeta> = {},
): AgentDeployment {
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name, namespace: 'support', uid: `uid-${name}`, generation: 1, ...metadata },
    spec: {
      replicas: 3,
      model: modelOf(
        endpoint('primary', {
          model: 'claude-sonnet-4-5',
          apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
        }),
      ),
      timeouts: {
        connect: '10s',
        request: '5m',
        firstToken: '60s',
        streamIdle: '120s',
        transportIdle: '45s',
        run: '15m',
        tool: '30s',
      },
      retry: { maxAttempts: 3, baseDelay: '500ms', maxDelay: '8s', budgetPercent: 20 },
      bulkhead: { maxConcurrent: 100, maxQueued: 100, acquireTimeout: '5s' },
      auth: { type: 'None' },
      cache: cacheFixture(),
      conversation: {
        maxMessages: 100,
        maxTurns: 16,
        maxTokens: 4096,
        idleTimeout: '1h',
        store: { type: 'Memory' },
      },
      security: { egress: { denyPrivateNetworks: true } },
      shutdown: { drainTimeout: '5m', handlerTimeout: '30s' },
      service: { type: 'ClusterIP', port: 80 },
      probes: {
        startup: { period: '1s', timeout: '1s', failureThreshold: 300 },
        liveness: { period: '10s', timeout: '5s', failureThreshold: 3 },
        readiness: { period: '5s', timeout: '3s', failureThreshold: 2 },
      },
      disruption: { maxUnavailable: 1 },
      networkPolicy: { enabled: true },
      runtimeUpgrade: 'Automatic',
      monitoring: { serviceMonitor: { interval: '30s' }, alerts: {} },
      ...spec,
    },
  };
}

/** A targetRef from `triage` or `triage/model/primary`. */
export function target(text: string): NonNullable<CircuitBreakerPolicySpec['targetRefs']>[number] {
  const [name, ...section] = text.split('/');
  return {
    group: 'breakwater.dev',
    kind: 'AgentDeployment',
    name: name!,
    ...(section.length > 0 && { sectionName: section.join('/') }),
  };
}

export function selector(
  matchLabels: Record<string, string>,
): NonNullable<CircuitBreakerPolicySpec['targetSelectors']>[number] {
  return { group: 'breakwater.dev', kind: 'AgentDeployment', matchLabels };
}

export function breakerFixture(
  name = 'triage',
  spec: Partial<CircuitBreakerPolicySpec> = {},
  metadata: Partial<ObjectMeta> = {},
): CircuitBreakerPolicy {
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'CircuitBreakerPolicy',
    metadata: { name, namespace: 'support', uid: `uid-cbp-${name}`, generation: 1, ...metadata },
    spec: {
      ...(spec.targetSelectors === undefined && { targetRefs: [target('triage')] }),
      trip: { consecutiveFailures: 3 },
      openDuration: '30s',
      maxOpenDuration: '5m',
      failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
      halfOpen: { maxProbes: 1, successThreshold: 2 },
      recovery: { rampUp: '0s' },
      mode: 'Enforce',
      scope: 'Pod',
      ...spec,
    },
  };
}

type Bucket = RateLimitPolicySpec['limits'][number];

export function bucketFixture(name: string, rest: Partial<Bucket> = {}): Bucket {
  return {
    name,
    resource: 'Requests',
    refill: { amount: 10, per: '1s' },
    capacity: 100,
    maxKeys: 10_000,
    onLimit: 'Reject',
    maxWait: '2s',
    ...rest,
  };
}

export function limitFixture(
  name = 'triage',
  spec: Partial<RateLimitPolicySpec> = {},
  metadata: Partial<ObjectMeta> = {},
): RateLimitPolicy {
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'RateLimitPolicy',
    metadata: { name, namespace: 'support', uid: `uid-arlp-${name}`, generation: 1, ...metadata },
    spec: {
      ...(spec.targetSelectors === undefined && { targetRefs: [target('triage')] }),
      limits: [bucketFixture('requests')],
      mode: 'Enforce',
      scope: 'Pod',
      ...spec,
    },
  };
}
