import type { KubernetesObject } from '../../crds/meta.ts';
import type { MonitoringFacts } from '../desired/objects/monitoring.ts';
import {
  apiVersionOf,
  Discovery,
  OptionalInformer,
  systemClock,
  type Availability,
  type BuiltInCondition,
  type ChangeHandler,
  type Informer,
  type InformerOptions,
  type KubeClient,
  type Resource,
} from '../kube/index.ts';
import {
  PrometheusRules,
  ScaledObjects,
  ServiceMonitors,
  type Own,
} from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentKeys.ts';

export interface OptionalCachesOptions extends Omit<
  InformerOptions<KubernetesObject>,
  'resource' | 'client'
> {
  client: InformerOptions<KubernetesObject>['client'] & Pick<KubeClient, 'servedPlurals'>;
  /** See Discovery. */
  discoveryIntervalMs: number | undefined;
}

/** A ScaledObject with the status that KEDA writes. */
export interface ScaledObject extends KubernetesObject {
  status?: { conditions?: BuiltInCondition[] };
}

const KINDS = [ServiceMonitors, PrometheusRules, ScaledObjects];

/** Caches of agents' objects whose kinds may be installed or not: those of prometheus-operator and KEDA. */
export class OptionalCaches {
  /** By group and version. */
  readonly #discoveries = new Map<string, Discovery>();
  readonly #informers: OptionalInformer<KubernetesObject, Own>[];

  constructor({ discoveryIntervalMs: intervalMs, ...options }: OptionalCachesOptions) {
    const { client, clock = systemClock, random = Math.random, logger } = options;
    this.#informers = KINDS.map((resource) => {
      const { group, version } = resource;
      const shared = { client, group, version, clock, random, logger, intervalMs };
      const discovery = this.#discoveries.get(apiVersionOf(resource)) ?? new Discovery(shared);
      this.#discoveries.set(apiVersionOf(resource), discovery);
      const informer = new OptionalInformer<KubernetesObject, Own>(
        { ...options, resource },
        discovery,
      );
      informer.addIndex(BY_AGENT, (object) => [agentKeyOfChild(object) ?? '']);
      return informer;
    });
  }

  /** Of all kinds, by the name of the kind. */
  get availability(): [kind: string, availability: Availability][] {
    return this.#informers.map(({ resource, availability }) => [resource.kind, availability]);
  }

  get monitoring(): MonitoringFacts {
    return {
      serviceMonitors: this.#of(ServiceMonitors).availability,
      prometheusRules: this.#of(PrometheusRules).availability,
    };
  }

  get scaledObjects(): Availability {
    return this.#of(ScaledObjects).availability;
  }

  scaledObject(namespace: string | undefined, name: string): ScaledObject | undefined {
    return this.#of(ScaledObjects).informer?.get(namespace, name);
  }

  /** Informers of the installed kinds. */
  get served(): Informer<KubernetesObject, Own>[] {
    return this.#informers
      .map(({ informer }) => informer)
      .filter((informer) => informer !== undefined);
  }

  /** Whether the operator knows which kinds are installed. */
  get settled(): boolean {
    return this.#informers.every(({ availability }) => availability !== 'Unknown');
  }

  async whenSettled(): Promise<void> {
    await Promise.all(this.#informers.map(({ settled }) => settled));
  }

  onChange(handler: ChangeHandler<KubernetesObject>): void {
    for (const informer of this.#informers) informer.onChange(handler);
  }

  /** Calls the handler when a kind was installed or removed. */
  onAvailability(handler: () => void): void {
    for (const informer of this.#informers) informer.onAvailability(handler);
  }

  start(signal: AbortSignal): void {
    for (const informer of this.#informers) informer.start(signal);
    for (const discovery of this.#discoveries.values()) void discovery.run(signal);
  }

  #of(resource: Resource<KubernetesObject, Own>): OptionalInformer<KubernetesObject, Own> {
    return this.#informers.find((informer) => informer.resource === resource)!;
  }
}
