/** Objects for tests, with their defaults, as the API server returns them. */
import {
  AGENT_DEPLOYMENT_DEFAULTS,
  CIRCUIT_BREAKER_POLICY_DEFAULTS,
  RATE_LIMIT_POLICY_DEFAULTS,
} from '../../crds/generated/defaults.ts';
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
  const defaults = {
    provider: 'Anthropic',
    credentialScheme: 'APIKey',
    priority: 0,
    weight: 1,
  } as const;
  return { name, ...defaults, ...rest };
}

export function modelOf(...endpoints: Endpoint[]): AgentDeploymentSpec['model'] {
  return { loadBalancing: 'LeastLoaded', affinity: { mode: 'Automatic' }, endpoints };
}

/** A cache with the defaults. By default it is off. */
export function cacheFixture(
  rest: Partial<AgentDeploymentSpec['cache']> = {},
): AgentDeploymentSpec['cache'] {
  return { ...AGENT_DEPLOYMENT_DEFAULTS.cache, ...rest };
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
      ...AGENT_DEPLOYMENT_DEFAULTS,
      replicas: 3,
      model: modelOf(
        endpoint('primary', {
          model: 'claude-sonnet-4-5',
          apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
        }),
      ),
      ...spec,
    },
  };
}

/** A targetRef, written as `triage` or `triage/model/primary`. */
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
      ...CIRCUIT_BREAKER_POLICY_DEFAULTS,
      trip: { consecutiveFailures: 3 },
      openDuration: '30s',
      maxOpenDuration: '5m',
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
      ...RATE_LIMIT_POLICY_DEFAULTS,
      limits: [bucketFixture('requests')],
      scope: 'Pod',
      ...spec,
    },
  };
}
