import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import * as kube from '../../operator/kube/index.ts';
import type { Event, Pod, Read, Resource, Verb } from '../../operator/kube/index.ts';

/** The kinds that the commands use, with what a user of them may do; the operator's own permissions are others. */
type Used = Read | 'get' | 'create' | 'patch';
const VERBS: Readonly<Record<Used, true>> = {
  list: true,
  watch: true,
  get: true,
  create: true,
  patch: true,
};

function used<T extends KubernetesObject, V extends Verb>(
  resource: Resource<T, V>,
): Resource<T, Used> {
  const { group, version, plural, kind, namespaced } = resource;
  return { group, version, plural, kind, namespaced, access: { scope: 'Agents', verbs: VERBS } };
}

export const Agents: Resource<AgentDeployment, Used> = used(kube.AgentDeployments);
export const Breakers: Resource<CircuitBreakerPolicy, Used> = used(kube.CircuitBreakerPolicies);
export const Limits: Resource<RateLimitPolicy, Used> = used(kube.RateLimitPolicies);
export const Pods: Resource<Pod, Used> = used(kube.Pods);
export const Events: Resource<Event, Used> = used(kube.Events);
