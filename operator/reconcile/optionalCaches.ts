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
import { agentKeyOfChild, BY_AGENT } from './agentOf.ts';

export interface OptionalCachesOptions extends Omit<
  InformerOptions<KubernetesObject>,
  'resource' | 'client'
> {
  client: InformerOptions<KubernetesObject>['client'] & Pick<KubeClient, 'servedPlurals'>;
  /** See Discovery. */
  discoveryIntervalMs: number | undefined;
}

/** The objects of some kinds of one group and version that are made for agents, where these are installed, and for as long as they are. */
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
      const made = new OptionalInformer<KubernetesObject, Own>({ ...options, resource }, discovery);
      made.addIndex(BY_AGENT, (object) => [agentKeyOfChild(object) ?? '']);
      return made;
    });
  }

  availabilityOf(resource: Resource<KubernetesObject, Own>): Availability {
    return this.#of(resource).availability;
  }

  /** Undefined unless the kind is installed. */
  informerOf(
    resource: Resource<KubernetesObject, Own>,
  ): Informer<KubernetesObject, Own> | undefined {
    return this.#of(resource).informer;
  }

  /** Informers of the kinds that are installed. */
  get served(): Informer<KubernetesObject, Own>[] {
    return this.#informers
      .map(({ informer }) => informer)
      .filter((informer) => informer !== undefined);
  }

  /** Whether it is known what is installed. */
  get settled(): boolean {
    return this.#informers.every(({ availability }) => availability !== 'Unknown');
  }

  async whenSettled(): Promise<void> {
    await Promise.all(this.#informers.map(({ settled }) => settled));
  }

  onChange(handler: ChangeHandler<KubernetesObject>): void {
    for (const informer of this.#informers) informer.onChange(handler);
  }

  /** Calls the handler after each change of what is installed. */
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
