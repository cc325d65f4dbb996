import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  Informer,
  KubeClient,
  keyOf,
  systemClock,
  Transport,
  type Clock,
  type ClusterConfig,
  type ConfigMap,
} from '../../../operator/kube/index.ts';
import { ConfigMaps } from '../../../operator/resources/resources.ts';

/** A clock that runs faster, so that deadlines of minutes pass in seconds. */
export const fast = (factor: number): Clock => ({
  now: () => Date.now(),
  monotonic: () => performance.now() * factor,
  after: (ms, callback) => systemClock.after(ms / factor, callback),
});

/** Follows the ConfigMaps of a namespace by an informer, and records the calls of its handlers. */
export class Follower implements AsyncDisposable {
  readonly informer: Informer<ConfigMap>;
  /** The last version for handlers, by key. */
  readonly told = new Map<string, string>();
  /** Keys of deletions for handlers. */
  readonly deleted: string[] = [];
  /** Changes whose former object was not that of the change before. */
  readonly gaps: string[] = [];
  readonly #transport: Transport;
  readonly #stop = new AbortController();

  constructor(config: ClusterConfig, namespace: string, clock: Clock = fast(40)) {
    this.#transport = new Transport({ config, registry: new Registry(), clock });
    this.informer = new Informer({
      client: new KubeClient(this.#transport),
      resource: ConfigMaps,
      namespace,
      clock,
      logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
    });
    this.informer.onChange((current, previous) => this.#heard(current, previous));
    this.informer.start(this.#stop.signal);
  }

  /** Versions in the cache, by key. */
  get cached(): Record<string, string> {
    return versions(this.informer.list());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#transport.close();
  }

  #heard(current: ConfigMap | undefined, previous: ConfigMap | undefined): void {
    const key = keyOf((current ?? previous)!);
    const known = this.told.get(key);
    if (known !== previous?.metadata.resourceVersion) this.gaps.push(`${key} was at ${known}`);
    if (current) this.told.set(key, current.metadata.resourceVersion!);
    else {
      this.told.delete(key);
      this.deleted.push(previous!.metadata.name);
    }
  }
}

/** Objects as key → version, in the order of keys. */
export function versions(objects: readonly ConfigMap[]): Record<string, string> {
  const entries = objects.map((object) => [keyOf(object), object.metadata.resourceVersion!]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a! < b! ? -1 : 1))) as Record<
    string,
    string
  >;
}
