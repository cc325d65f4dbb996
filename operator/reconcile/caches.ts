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
  type Pod,
  type Resource,
  type Service,
  type ServiceAccount,
} from '../kube/index.ts';

/** Everything the operator reads, kept in memory by watches. Warm on standbys too. */
export class Caches {
  readonly agents: Informer<AgentDeployment>;
  readonly breakers: Informer<CircuitBreakerPolicy>;
  readonly limits: Informer<RateLimitPolicy>;
  readonly pods: Informer<Pod>;
  readonly configMaps: Informer<ConfigMap>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly services: Informer<Service>;
  readonly deployments: Informer<Deployment>;

  /** @param common what all informers share: client, namespace (absent: all), clock, logger, … */
  constructor(common: Omit<InformerOptions<KubernetesObject>, 'resource' | 'labelSelector'>) {
    const informer = <T extends KubernetesObject>(
      resource: Resource<T>,
      labelSelector?: string,
    ): Informer<T> =>
      new Informer<T>({
        ...common,
        resource,
        ...(labelSelector !== undefined && { labelSelector }),
      } as InformerOptions<T>);
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
  get children(): Informer<KubernetesObject>[] {
    const { configMaps, serviceAccounts, services, deployments } = this;
    return [
      configMaps,
      serviceAccounts,
      services,
      deployments,
    ] as unknown as Informer<KubernetesObject>[];
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
