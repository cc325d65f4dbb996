import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { API_VERSION, type KubernetesObject } from '../../crds/meta.ts';
import {
  defineResource,
  type ConfigMap,
  type Event,
  type Pod,
  type Read,
  type Resource,
} from './kube.ts';

/** Verbs that users of the commands need; the operator needs others. */
type Used = Read | 'get' | 'patch';
const VERBS: Readonly<Record<Used, true>> = { list: true, watch: true, get: true, patch: true };

function used<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Resource<T, Used> {
  return defineResource<T, Used>(apiVersion, kind, plural, VERBS);
}

export const Agents = used<AgentDeployment>(API_VERSION, 'AgentDeployment', 'agentdeployments');
export const Breakers = used<CircuitBreakerPolicy>(
  API_VERSION,
  'CircuitBreakerPolicy',
  'circuitbreakerpolicies',
);
export const Limits = used<RateLimitPolicy>(API_VERSION, 'RateLimitPolicy', 'ratelimitpolicies');
export const Pods = used<Pod>('v1', 'Pod', 'pods');
export const Events = used<Event>('events.k8s.io/v1', 'Event', 'events');
export const ConfigMaps = used<ConfigMap>('v1', 'ConfigMap', 'configmaps');
