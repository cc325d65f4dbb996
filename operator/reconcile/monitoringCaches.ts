import type { KubernetesObject } from '../../crds/meta.ts';
import type { MonitoringFacts } from '../desired/objects/monitoring.ts';
import {
  Discovery,
  OptionalInformer,
  systemClock,
  type ChangeHandler,
  type Informer,
  type InformerOptions,
  type KubeClient,
  type Resource,
} from '../kube/index.ts';
import { PrometheusRules, ServiceMonitors, type Own } from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentOf.ts';

export interface MonitoringCachesOptions extends Omit<
  InformerOptions<KubernetesObject>,
  'resource' | 'client'
> {
  client: InformerOptions<KubernetesObject>['client'] & Pick<KubeClient, 'servedPlurals'>;
  /** See Discovery. */
  discoveryIntervalMs: number | undefined;
}

/** The objects of prometheus-operator that are made for agents, where its CRDs are installed, and for as long as they are. */
export class MonitoringCaches {
  readonly #discovery: Discovery;
  readonly #serviceMonitors: OptionalInformer<KubernetesObject, Own>;
  readonly #prometheusRules: OptionalInformer<KubernetesObject, Own>;

  constructor({ discoveryIntervalMs: intervalMs, ...options }: MonitoringCachesOptions) {
    const { client, clock = systemClock, random = Math.random, logger } = options;
    const { group, version } = ServiceMonitors;
    const discovery = new Discovery({ client, group, version, clock, random, logger, intervalMs });
    const informer = (
      resource: Resource<KubernetesObject, Own>,
    ): OptionalInformer<KubernetesObject, Own> => {
      const made = new OptionalInformer<KubernetesObject, Own>({ ...options, resource }, discovery);
      made.addIndex(BY_AGENT, (object) => [agentKeyOfChild(object) ?? '']);
      return made;
    };
    this.#discovery = discovery;
    this.#serviceMonitors = informer(ServiceMonitors);
    this.#prometheusRules = informer(PrometheusRules);
  }

  get facts(): MonitoringFacts {
    return {
      serviceMonitors: this.#serviceMonitors.availability,
      prometheusRules: this.#prometheusRules.availability,
    };
  }

  /** Informers of the kinds that are installed. */
  get served(): Informer<KubernetesObject, Own>[] {
    return this.#all.map(({ informer }) => informer).filter((informer) => informer !== undefined);
  }

  /** Whether it is known what is installed. */
  get settled(): boolean {
    return this.#all.every(({ availability }) => availability !== 'Unknown');
  }

  async whenSettled(): Promise<void> {
    await Promise.all(this.#all.map(({ settled }) => settled));
  }

  onChange(handler: ChangeHandler<KubernetesObject>): void {
    for (const informer of this.#all) informer.onChange(handler);
  }

  /** Calls the handler after each change of `facts`. */
  onFacts(handler: () => void): void {
    for (const informer of this.#all) informer.onAvailability(handler);
  }

  start(signal: AbortSignal): void {
    for (const informer of this.#all) informer.start(signal);
    void this.#discovery.run(signal);
  }

  get #all(): OptionalInformer<KubernetesObject, Own>[] {
    return [this.#serviceMonitors, this.#prometheusRules];
  }
}
