import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { AGENT_LABEL, MANAGED_BY } from '../desired/common/metadata.ts';
import { UPGRADING_ANNOTATION } from '../desired/objects/deployment.ts';
import {
  AS_TEXT,
  Informer,
  sharing,
  withoutManagedFields,
  type Availability,
  type ConfigMap,
  type Deployment,
  type HorizontalPodAutoscaler,
  type InformerOptions,
  type NetworkPolicy,
  type Codec,
  type Pod,
  type PodDisruptionBudget,
  type Read,
  type Resource,
  type Service,
  type ServiceAccount,
  type Verb,
} from '../kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  ConfigMaps,
  Deployments,
  HorizontalPodAutoscalers,
  NetworkPolicies,
  PodDisruptionBudgets,
  Pods,
  RateLimitPolicies,
  ReplicaSets,
  ServiceAccounts,
  Services,
  type Make,
  type Own,
} from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentKeys.ts';
import { OptionalCaches, type OptionalCachesOptions } from './optionalCaches.ts';
import { Replicas } from './replicas.ts';
import { slimPod, slimReplicaSet } from './slimPod.ts';

/** Name of the index of Deployments that roll because of a new version of the operator. */
const UPGRADING = 'upgrading';

/** Options that all informers share. */
export interface CachesOptions extends Omit<
  OptionalCachesOptions,
  'labelSelector' | 'namespace' | 'namespaces'
> {
  /** Absent: all agents and policies in all namespaces. */
  share?: {
    /** Empty: all. */
    namespaces: readonly string[];
    /** Label selector of agents and policies; absent: all. The objects of agents do not have these labels. */
    selector?: string;
  };
}

/** Caches of all objects that the operator reads. Standbys fill them too, so that a takeover is quick. */
export class Caches {
  readonly agents: Informer<AgentDeployment>;
  readonly breakers: Informer<CircuitBreakerPolicy>;
  readonly limits: Informer<RateLimitPolicy>;
  readonly pods: Informer<Pod>;
  readonly replicaSets: Informer<KubernetesObject>;
  readonly replicas: Replicas;
  readonly configMaps: Informer<ConfigMap, Make>;
  readonly serviceAccounts: Informer<ServiceAccount, Own>;
  readonly services: Informer<Service, Own>;
  readonly deployments: Informer<Deployment, Make>;
  readonly autoscalers: Informer<HorizontalPodAutoscaler, Own>;
  readonly disruptionBudgets: Informer<PodDisruptionBudget, Own>;
  readonly networkPolicies: Informer<NetworkPolicy, Own>;
  readonly optional: OptionalCaches;

  constructor({ share, ...options }: CachesOptions) {
    const common = { ...options, namespaces: share?.namespaces, streams: true };
    const chosen = { labelSelector: share?.selector };
    const ours = `app.kubernetes.io/managed-by=${MANAGED_BY},${AGENT_LABEL}`;
    const informer = <T extends KubernetesObject, V extends Verb>(
      resource: Resource<T, Read | V>,
      options: Partial<InformerOptions<T>> = {},
    ): Informer<T, V> =>
      new Informer<T, V>({ ...common, resource, ...options } as unknown as InformerOptions<T, V>);
    const child = <T extends KubernetesObject, V extends Verb>(
      resource: Resource<T, Read | V>,
    ): Informer<T, V> =>
      informer<T, V>(resource, { labelSelector: ours, codec: AS_TEXT as Codec<T> });
    this.agents = informer(AgentDeployments, {
      ...chosen,
      transform: sharing(withoutManagedFields),
    });
    this.breakers = informer(CircuitBreakerPolicies, chosen);
    this.limits = informer(RateLimitPolicies, chosen);
    this.pods = informer(Pods, { labelSelector: ours, transform: sharing(slimPod) });
    this.replicaSets = informer(ReplicaSets, {
      labelSelector: ours,
      transform: sharing(slimReplicaSet),
    });
    this.configMaps = child(ConfigMaps);
    this.serviceAccounts = child(ServiceAccounts);
    this.services = child(Services);
    this.deployments = child(Deployments);
    this.autoscalers = child(HorizontalPodAutoscalers);
    this.disruptionBudgets = child(PodDisruptionBudgets);
    this.networkPolicies = child(NetworkPolicies);
    this.optional = new OptionalCaches({ ...common, labelSelector: ours });
    for (const child of this.children) {
      child.addIndex(BY_AGENT, (object) => [agentKeyOfChild(object) ?? '']);
    }
    this.deployments.addIndex(UPGRADING, ({ metadata }) =>
      metadata.annotations?.[UPGRADING_ANNOTATION] === undefined ? [] : [''],
    );
    this.replicas = new Replicas(this);
  }

  /** Deployments that roll because of a new version of the operator. */
  get upgrading(): Deployment[] {
    return this.deployments.byIndex(UPGRADING, '');
  }

  get all(): Informer<KubernetesObject>[] {
    return [...this.required, ...this.optional.served];
  }

  /** Informers of the kinds without which the operator does not work. */
  get required(): Informer<KubernetesObject>[] {
    const { agents, breakers, limits, pods, replicaSets } = this;
    return [
      agents,
      breakers,
      limits,
      pods,
      replicaSets,
      ...this.#builtIn,
    ] as unknown as Informer<KubernetesObject>[];
  }

  /** Informers of agents' objects. Those of optional kinds are included while the kind is installed. */
  get children(): Informer<KubernetesObject, Own>[] {
    return [...this.#builtIn, ...this.optional.served];
  }

  get #builtIn(): Informer<KubernetesObject, Own>[] {
    return [
      this.configMaps,
      this.serviceAccounts,
      this.services,
      this.deployments,
      this.autoscalers,
      this.disruptionBudgets,
      this.networkPolicies,
    ] as unknown as Informer<KubernetesObject, Own>[];
  }

  /** Whether each optional kind can be used. */
  get availability(): ReadonlyMap<string, Availability> {
    return new Map(this.optional.availability);
  }

  /** @throws Error if agents have no objects of this kind */
  childrenOf(kind: string): Informer<KubernetesObject, Own> {
    const informer = this.children.find(({ resource }) => resource.kind === kind);
    if (!informer) throw new Error(`No agent has objects of kind ${kind}`);
    return informer;
  }

  get synced(): boolean {
    return this.optional.settled && this.all.every((informer) => informer.hasSynced);
  }

  start(signal: AbortSignal): void {
    for (const informer of this.all) informer.start(signal);
    this.optional.start(signal);
  }

  /** Resolves when every cache has its first list. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.all.map((informer) => informer.synced));
    await this.optional.whenSettled();
  }
}
