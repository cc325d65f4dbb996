import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { AGENT_LABEL, MANAGED_BY } from '../desired/metadata.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  ConfigMaps,
  Deployments,
  Informer,
  Pods,
  RateLimitPolicies,
  ServiceAccounts,
  Services,
  type ConfigMap,
  type Deployment,
  type InformerOptions,
  type Own,
  type Pod,
  type Read,
  type Resource,
  type Service,
  type ServiceAccount,
  type Verb,
} from '../kube/index.ts';

/** Everything the operator reads, kept in memory by watches. Warm on standbys too. */
export class Caches {
  readonly agents: Informer<AgentDeployment>;
  readonly breakers: Informer<CircuitBreakerPolicy>;
  readonly limits: Informer<RateLimitPolicy>;
  readonly pods: Informer<Pod>;
  readonly configMaps: Informer<ConfigMap, Own>;
  readonly serviceAccounts: Informer<ServiceAccount, Own>;
  readonly services: Informer<Service, Own>;
  readonly deployments: Informer<Deployment, Own>;

  /** @param common what all informers share: client, namespace (absent: all), clock, logger, … */
  constructor(common: Omit<InformerOptions<KubernetesObject>, 'resource' | 'labelSelector'>) {
    const informer = <T extends KubernetesObject, V extends Verb>(
      resource: Resource<T, Read | V>,
      labelSelector?: string,
    ): Informer<T, V> =>
      new Informer<T, V>({
        ...common,
        resource,
        ...(labelSelector !== undefined && { labelSelector }),
      } as InformerOptions<T, V>);
    const ours = `app.kubernetes.io/managed-by=${MANAGED_BY},${AGENT_LABEL}`;
    this.agents = informer(AgentDeployments);
    this.breakers = informer(CircuitBreakerPolicies);
    this.limits = informer(RateLimitPolicies);
    this.pods = informer(Pods, ours);
    this.configMaps = informer(ConfigMaps, ours);
    this.serviceAccounts = informer(ServiceAccounts, ours);
    this.services = informer(Services, ours);
    this.deployments = informer(Deployments, ours);
  }

  get all(): Informer<KubernetesObject>[] {
    const { agents, breakers, limits, pods, configMaps, serviceAccounts, services, deployments } =
      this;
    return [
      agents,
      breakers,
      limits,
      pods,
      configMaps,
      serviceAccounts,
      services,
      deployments,
    ] as unknown as Informer<KubernetesObject>[];
  }

  /** Objects made for agents; a change of one concerns its agent. */
  get children(): Informer<KubernetesObject, Own>[] {
    const { configMaps, serviceAccounts, services, deployments } = this;
    return [configMaps, serviceAccounts, services, deployments] as unknown as Informer<
      KubernetesObject,
      Own
    >[];
  }

  get synced(): boolean {
    return this.all.every((informer) => informer.hasSynced);
  }

  start(signal: AbortSignal): void {
    for (const informer of this.all) informer.start(signal);
  }

  /** Resolves when every cache holds what the API server holds. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.all.map((informer) => informer.synced));
  }
}
