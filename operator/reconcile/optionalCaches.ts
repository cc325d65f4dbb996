import type { KubernetesObject } from '../../crds/meta.ts';
import {
  Discovery,
  OptionalInformer,
  systemClock,
  type Availability,
  type ChangeHandler,
  type Informer,
  type InformerOptions,
  type KubeClient,
  type Resource,
} from '../kube/index.ts';
import type { Own } from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentKeys.ts';

export interface OptionalCachesOptions extends Omit<
  InformerOptions<KubernetesObject>,
  'resource' | 'client'
> {
  client: InformerOptions<KubernetesObject>['client'] & Pick<KubeClient, 'servedPlurals'>;
  /** See Discovery. */
  discoveryIntervalMs: number | undefined;
}

/** Caches of agents' objects whose kinds may be installed or not. All kinds are of one group and version. */
export class OptionalCaches {
  readonly #discovery: Discovery;
  readonly #informers: OptionalInformer<KubernetesObject, Own>[];

  constructor(
    resources: readonly Resource<KubernetesObject, Own>[],
    { discoveryIntervalMs: intervalMs, ...options }: OptionalCachesOptions,
  ) {
    const { client, clock = systemClock, random = Math.random, logger } = options;
    const { group, version } = resources[0]!;
    const discovery = new Discovery({ client, group, version, clock, random, logger, intervalMs });
    this.#discovery = discovery;
    this.#informers = resources.map((resource) => {
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

  availabilityOf(resource: Resource<KubernetesObject, Own>): Availability {
    return this.#of(resource).availability;
  }

  /** Undefined while the kind is not installed. */
  informerOf(
    resource: Resource<KubernetesObject, Own>,
  ): Informer<KubernetesObject, Own> | undefined {
    return this.#of(resource).informer;
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
    void this.#discovery.run(signal);
  }

  #of(resource: Resource<KubernetesObject, Own>): OptionalInformer<KubernetesObject, Own> {
    return this.#informers.find((informer) => informer.resource === resource)!;
  }
}
