import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { GROUP, type KubernetesObject } from '../../crds/meta.ts';
import type { Event, Pod, Read, Resource } from './kube.ts';

/** What a user of the commands may do; the operator's own permissions are others. */
type Used = Read | 'get' | 'patch';
const VERBS: Readonly<Record<Used, true>> = { list: true, watch: true, get: true, patch: true };

function used<T extends KubernetesObject>(
  group: string,
  version: string,
  kind: string,
  plural: string,
): Resource<T, Used> {
  const access = { scope: 'Agents' as const, verbs: VERBS };
  const resource = { group, version, kind, plural, namespaced: true, access, verbs: VERBS };
  return resource;
}

const VERSION = 'v1alpha1';

export const Agents = used<AgentDeployment>(GROUP, VERSION, 'AgentDeployment', 'agentdeployments');
export const Breakers = used<CircuitBreakerPolicy>(
  ...([GROUP, VERSION, 'CircuitBreakerPolicy', 'circuitbreakerpolicies'] as const),
);
export const Limits = used<RateLimitPolicy>(GROUP, VERSION, 'RateLimitPolicy', 'ratelimitpolicies');
export const Pods = used<Pod>('', 'v1', 'Pod', 'pods');
export const Events = used<Event>('events.k8s.io', 'v1', 'Event', 'events');
