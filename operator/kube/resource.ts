import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { GROUP } from '../../crds/meta.ts';
import type {
  ConfigMap,
  Deployment,
  Event,
  KubernetesObject,
  Lease,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  TokenReview,
} from './types.ts';

/** One kind of object as the API serves it, under one version. */
export interface Resource<T extends KubernetesObject> {
  /** Empty for the core API. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: it ties T to the value. */
  readonly objectType?: T;
}

/** `v1` or `apps/v1`, as it stands in an object's apiVersion. */
export function apiVersionOf({ group, version }: Resource<KubernetesObject>): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * The URL path of a collection (no name) or of one object, from the API server's root.
 * @throws Error when a namespaced object is named without its namespace.
 */
export function resourcePath(
  resource: Resource<KubernetesObject>,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  if (resource.namespaced && name !== undefined && !namespace) {
    throw new Error(`${resource.kind} ${name} needs a namespace`);
  }
  const root = resource.group === '' ? 'api' : `apis/${resource.group}`;
  const parts = [root, resource.version];
  if (resource.namespaced && namespace) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.join('/')}`;
}

function resource<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced = true,
): Resource<T> {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return Object.freeze({ group, version: apiVersion.slice(slash + 1), plural, kind, namespaced });
}

const OURS = `${GROUP}/v1alpha1`;

export const AgentDeployments = resource<AgentDeployment>(
  OURS,
  'AgentDeployment',
  'agentdeployments',
);
export const CircuitBreakerPolicies = resource<CircuitBreakerPolicy>(
  OURS,
  'CircuitBreakerPolicy',
  'circuitbreakerpolicies',
);
export const RateLimitPolicies = resource<RateLimitPolicy>(
  OURS,
  'RateLimitPolicy',
  'ratelimitpolicies',
);
export const Pods = resource<Pod>('v1', 'Pod', 'pods');
export const ConfigMaps = resource<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const Secrets = resource<Secret>('v1', 'Secret', 'secrets');
export const ServiceAccounts = resource<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts');
export const Services = resource<Service>('v1', 'Service', 'services');
export const Deployments = resource<Deployment>('apps/v1', 'Deployment', 'deployments');
export const Leases = resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');
export const Events = resource<Event>('events.k8s.io/v1', 'Event', 'events');
export const TokenReviews = resource<TokenReview>(
  'authentication.k8s.io/v1',
  'TokenReview',
  'tokenreviews',
  false,
);
