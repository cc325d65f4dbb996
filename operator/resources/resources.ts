/** The kinds that the operator uses, with their verbs. The chart's roles are generated from them. */
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

/** Verbs for objects that every agent has. Server-side apply needs create and patch. */
export type Make = Read | 'get' | 'create' | 'patch';

/** Verbs for objects that only some agents have. */
export type Own = Make | 'delete';

const READ: Readonly<Record<Read, true>> = { list: true, watch: true };
const MAKE: Readonly<Record<Make, true>> = { ...READ, get: true, create: true, patch: true };
const OWN: Readonly<Record<Own, true>> = { ...MAKE, delete: true };

/** A kind of Breakwater: the operator reads it and writes its status. */
function breakwaterKind<T extends KubernetesObject>(
  kind: string,
  plural: string,
): Resource<T, Read | 'status/update'> {
  return defineResource(API_VERSION, kind, plural, { ...READ, 'status/update': true });
}

/** With the admission plugin OwnerReferencesPermissionEnforcement, only who may update an owner's finalizers may name it. */
export const AgentDeployments: Resource<
  AgentDeployment,
  Read | 'status/update' | 'finalizers/update'
> = defineResource(API_VERSION, 'AgentDeployment', 'agentdeployments', {
  ...READ,
  'status/update': true,
  'finalizers/update': true,
});
export const CircuitBreakerPolicies = breakwaterKind<CircuitBreakerPolicy>(
  'CircuitBreakerPolicy',
  'circuitbreakerpolicies',
);
export const RateLimitPolicies = breakwaterKind<RateLimitPolicy>(
  'RateLimitPolicy',
  'ratelimitpolicies',
);
/** Patched only for deletion costs; see reconcile/deletionCosts.ts. */
export const Pods = defineResource<Pod, Read | 'patch'>('v1', 'Pod', 'pods', {
  ...READ,
  patch: true,
});
/** Read to find the Deployment of a pod. */
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
/** Of prometheus-operator, which may not be installed. */
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
/** Of KEDA, which may not be installed. */
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
  /** Agents: the watched namespaces. Operator: its own namespace. Cluster: a kind without namespace. */
  scope: 'Agents' | 'Operator' | 'Cluster';
  /** Setting that names the only object. It does not limit create, which RBAC cannot bind to a name. */
  only?: 'leaseName' | 'authoritySecret';
}

/** All kinds that the operator uses, in the order of the rules in its roles. */
export const USES: readonly Use[] = [
  ...[AgentDeployments, CircuitBreakerPolicies, ConfigMaps, Deployments].map(inAgents),
  // An Event is in the namespace of its object.
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
