/** The kinds that the operator uses, and what it may do with them. The roles in the chart are generated from this. */
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { API_VERSION } from '../../crds/meta.ts';
import {
  defineResource,
  Events,
  Leases,
  TokenReviews,
  type Read,
  type Resource,
  type Verb,
} from '../kube/resource.ts';
import type {
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  KubernetesObject,
  NetworkPolicy,
  Pod,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
} from '../kube/types.ts';

/** What is done with an object that every agent has: server-side apply both creates and patches. */
export type Make = Read | 'get' | 'create' | 'patch';

/** What is done with an object that an agent may have or not. */
export type Own = Make | 'delete';

const READ: Readonly<Record<Read, true>> = { list: true, watch: true };
const MAKE: Readonly<Record<Make, true>> = { ...READ, get: true, create: true, patch: true };
const OWN: Readonly<Record<Own, true>> = { ...MAKE, delete: true };

/** A kind of ours: read, its status written. */
function own<T extends KubernetesObject>(
  kind: string,
  plural: string,
): Resource<T, Read | 'status/update'> {
  return defineResource(API_VERSION, kind, plural, { ...READ, 'status/update': true });
}

/** Where the API server guards blockOwnerDeletion, an owner is named only by who may change its finalizers. */
export const AgentDeployments: Resource<
  AgentDeployment,
  Read | 'status/update' | 'finalizers/update'
> = defineResource(API_VERSION, 'AgentDeployment', 'agentdeployments', {
  ...READ,
  'status/update': true,
  'finalizers/update': true,
});
export const CircuitBreakerPolicies = own<CircuitBreakerPolicy>(
  'CircuitBreakerPolicy',
  'circuitbreakerpolicies',
);
export const RateLimitPolicies = own<RateLimitPolicy>('RateLimitPolicy', 'ratelimitpolicies');
/** Patched for its deletion cost alone; see reconcile/deletionCosts.ts. */
export const Pods = defineResource<Pod, Read | 'patch'>('v1', 'Pod', 'pods', {
  ...READ,
  patch: true,
});
/** Between a Deployment and its pods. */
export const ReplicaSets = defineResource<KubernetesObject, Read>(
  'apps/v1',
  'ReplicaSet',
  'replicasets',
  READ,
);
export const ConfigMaps = defineResource<ConfigMap, Make>('v1', 'ConfigMap', 'configmaps', MAKE);
export const ServiceAccounts = defineResource<ServiceAccount, Own>(
  'v1',
  'ServiceAccount',
  'serviceaccounts',
  OWN,
);
export const Services = defineResource<Service, Own>('v1', 'Service', 'services', OWN);
export const Deployments = defineResource<Deployment, Make>(
  'apps/v1',
  'Deployment',
  'deployments',
  MAKE,
);
export const HorizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler, Own>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
  OWN,
);
export const PodDisruptionBudgets = defineResource<PodDisruptionBudget, Own>(
  'policy/v1',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
  OWN,
);
export const NetworkPolicies = defineResource<NetworkPolicy, Own>(
  'networking.k8s.io/v1',
  'NetworkPolicy',
  'networkpolicies',
  OWN,
);
/** Of prometheus-operator, which need not be installed. */
export const ServiceMonitors = defineResource<KubernetesObject, Own>(
  'monitoring.coreos.com/v1',
  'ServiceMonitor',
  'servicemonitors',
  OWN,
);
export const PrometheusRules = defineResource<KubernetesObject, Own>(
  'monitoring.coreos.com/v1',
  'PrometheusRule',
  'prometheusrules',
  OWN,
);
/** Of KEDA, which need not be installed. */
export const ScaledObjects = defineResource<KubernetesObject, Own>(
  'keda.sh/v1alpha1',
  'ScaledObject',
  'scaledobjects',
  OWN,
);
export const Secrets = defineResource<Secret, 'get' | 'create' | 'update'>(
  'v1',
  'Secret',
  'secrets',
  { get: true, create: true, update: true },
);

/** Where the operator uses a kind. */
export interface Use {
  resource: Resource<KubernetesObject, Verb>;
  /** Agents: the namespaces that are looked after. Operator: its own namespace. Cluster: not in a namespace. */
  scope: 'Agents' | 'Operator' | 'Cluster';
  /** Which single object, by the setting that names it; create cannot be bound to a name and is not. */
  only?: 'leaseName' | 'authoritySecret';
}

/** All kinds that the operator uses, by name: the order of the rules in its roles. */
export const USES: readonly Use[] = [
  ...[AgentDeployments, CircuitBreakerPolicies, ConfigMaps, Deployments].map(inAgents),
  // Events of an agent are in its namespace.
  ...[Events, HorizontalPodAutoscalers].map(inAgents),
  { resource: Leases as Use['resource'], scope: 'Operator', only: 'leaseName' },
  ...[NetworkPolicies, PodDisruptionBudgets, Pods, PrometheusRules].map(inAgents),
  ...[RateLimitPolicies, ReplicaSets, ScaledObjects].map(inAgents),
  { resource: Secrets as Use['resource'], scope: 'Operator', only: 'authoritySecret' },
  ...[ServiceAccounts, ServiceMonitors, Services].map(inAgents),
  { resource: TokenReviews as Use['resource'], scope: 'Cluster' },
];

function inAgents(resource: Resource<KubernetesObject>): Use {
  return { resource: resource as Use['resource'], scope: 'Agents' };
}
