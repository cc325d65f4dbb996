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
  HorizontalPodAutoscaler,
  KubernetesObject,
  Lease,
  NetworkPolicy,
  Pod,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
  TokenReview,
} from './types.ts';

/** What can be done with a kind of object; after a slash, with its status or in its name as an owner. */
export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'status/update'
  | 'status/patch'
  | 'finalizers/update';

/** What an informer does. */
export type Read = 'list' | 'watch';

/** What is done with an object that every agent has: server-side apply both creates and patches. */
export type Make = Read | 'get' | 'create' | 'patch';

/** What is done with an object that an agent may have or not. */
export type Own = Make | 'delete';

/**
 * The permission that comes with a resource. The roles in the chart are generated from these, and the
 * client takes no resource for what its permission does not name.
 */
export interface Access<V extends Verb> {
  /** Agents: the namespaces that are looked after. Operator: its own namespace. Cluster: not in a namespace. */
  readonly scope: 'Agents' | 'Operator' | 'Cluster';
  readonly verbs: Readonly<Record<V, true>>;
  /** Which single object, by the setting that names it; create cannot be bound to a name and is not. */
  readonly only?: 'leaseName' | 'authoritySecret';
}

/** One kind of object as the API serves it, under one version, and what the operator may do with it (V). */
export interface Resource<T extends KubernetesObject, V extends Verb = never> {
  /** Empty for the core API. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly access: Access<V>;
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

function resource<T extends KubernetesObject, V extends Verb>(
  apiVersion: string,
  kind: string,
  plural: string,
  access: Access<V>,
): Resource<T, V> {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const namespaced = access.scope !== 'Cluster';
  return Object.freeze({ group, version, plural, kind, namespaced, access });
}

const READ: Readonly<Record<Read, true>> = { list: true, watch: true };

/** A kind that is only read, by an informer. */
function watched<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Resource<T, Read> {
  return resource(apiVersion, kind, plural, { scope: 'Agents', verbs: READ });
}

const MAKE: Readonly<Record<Make, true>> = { ...READ, get: true, create: true, patch: true };

/** A kind of which every agent has one, as long as it lives. */
function lasting<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Resource<T, Make> {
  return resource(apiVersion, kind, plural, { scope: 'Agents', verbs: MAKE });
}

/** A kind of which objects are made for agents that are to have one, and removed from others. */
function child<T extends KubernetesObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): Resource<T, Own> {
  const verbs = { ...MAKE, delete: true } as const;
  return resource(apiVersion, kind, plural, { scope: 'Agents', verbs });
}

/** A kind of ours: read, its status written. */
function api<T extends KubernetesObject>(
  kind: string,
  plural: string,
): Resource<T, Read | 'status/update'> {
  const verbs = { ...READ, 'status/update': true } as const;
  return resource(`${GROUP}/v1alpha1`, kind, plural, { scope: 'Agents', verbs });
}

export const AgentDeployments: Resource<
  AgentDeployment,
  Read | 'status/update' | 'finalizers/update'
> = resource(`${GROUP}/v1alpha1`, 'AgentDeployment', 'agentdeployments', {
  scope: 'Agents',
  // Where the API server guards blockOwnerDeletion, an owner is named only by who may change its finalizers.
  verbs: { ...READ, 'status/update': true, 'finalizers/update': true },
});
export const CircuitBreakerPolicies = api<CircuitBreakerPolicy>(
  'CircuitBreakerPolicy',
  'circuitbreakerpolicies',
);
export const RateLimitPolicies = api<RateLimitPolicy>('RateLimitPolicy', 'ratelimitpolicies');
export const Pods = watched<Pod>('v1', 'Pod', 'pods');
export const ConfigMaps = lasting<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const ServiceAccounts = child<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts');
export const Services = child<Service>('v1', 'Service', 'services');
export const Deployments = lasting<Deployment>('apps/v1', 'Deployment', 'deployments');
export const HorizontalPodAutoscalers = child<HorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);
export const PodDisruptionBudgets = child<PodDisruptionBudget>(
  'policy/v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
);
export const NetworkPolicies = child<NetworkPolicy>(
  'networking.k8s.io/v1',
  'NetworkPolicy',
  'networkpolicies',
);
/** Of prometheus-operator, which need not be installed. */
export const ServiceMonitors = child<KubernetesObject>(
  'monitoring.coreos.com/v1',
  'ServiceMonitor',
  'servicemonitors',
);
export const PrometheusRules = child<KubernetesObject>(
  'monitoring.coreos.com/v1',
  'PrometheusRule',
  'prometheusrules',
);
export const Events = resource<Event, 'create' | 'patch'>(
  'events.k8s.io/v1',
  'Event',
  'events',
  // Events of an agent are in its namespace.
  { scope: 'Agents', verbs: { create: true, patch: true } },
);
export const Secrets = resource<Secret, 'get' | 'create' | 'update'>('v1', 'Secret', 'secrets', {
  scope: 'Operator',
  verbs: { get: true, create: true, update: true },
  only: 'authoritySecret',
});
export const Leases = resource<Lease, 'get' | 'create' | 'update'>(
  'coordination.k8s.io/v1',
  'Lease',
  'leases',
  { scope: 'Operator', verbs: { get: true, create: true, update: true }, only: 'leaseName' },
);
export const TokenReviews = resource<TokenReview, 'create'>(
  'authentication.k8s.io/v1',
  'TokenReview',
  'tokenreviews',
  { scope: 'Cluster', verbs: { create: true } },
);
