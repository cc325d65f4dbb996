import type { Discovery } from './discovery.ts';
import { isForbidden, isNotFound } from './errors.ts';
import { Informer } from './informer.ts';
import type { ChangeHandler, InformerOptions } from './informer.ts';
import type { Read, Resource, Verb } from './resource.ts';
import type { IndexFunction } from './store.ts';
import type { KubernetesObject } from './types.ts';

/**
 * Whether a kind that need not be installed can be used. `Unknown` until the API server has said so, `Forbidden`
 * when it may not be read or nobody may ask for it.
 */
export type Availability = 'Unknown' | 'Absent' | 'Forbidden' | 'Served';

interface Running<T extends KubernetesObject, V extends Verb> {
  informer: Informer<T, V>;
  stop: AbortController;
}

/** An informer of a kind that may be installed and removed while it runs. While there is none, it holds nothing and asks nothing. */
export class OptionalInformer<T extends KubernetesObject, V extends Verb = never> {
  readonly resource: Resource<T, Read | V>;
  /** Resolves when `availability` is first known, and the cache filled if there is anything to fill it with. */
  readonly settled: Promise<void>;
  readonly #options: InformerOptions<T, V>;
  readonly #discovery: Discovery;
  readonly #changeHandlers: ChangeHandler<T>[] = [];
  readonly #indexes = new Map<string, IndexFunction<T>>();
  readonly #availabilityHandlers: (() => void)[] = [];
  readonly #settle: () => void;
  #availability: Availability = 'Unknown';
  #running?: Running<T, V>;

  /** @param discovery of the resource's group and version; it is run by its owner */
  constructor(options: InformerOptions<T, V>, discovery: Discovery) {
    this.resource = options.resource;
    this.#options = options;
    this.#discovery = discovery;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Follows the kind, whenever there is one, until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#discovery.onAnswer((answer) => {
      if (signal.aborted) return;
      if (answer === 'Forbidden') this.#denied();
      else if (!answer.has(this.resource.plural)) this.#ended();
      else if (!this.#running) this.#begun();
    });
    signal.addEventListener('abort', () => this.#running?.stop.abort(), { once: true });
  }

  get availability(): Availability {
    return this.#availability;
  }

  /** The informer, filled; undefined unless the kind is served. */
  get informer(): Informer<T, V> | undefined {
    return this.#availability === 'Served' ? this.#running?.informer : undefined;
  }

  /** Like Informer.addIndex, for every informer to come; call it before start. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#indexes.set(name, valuesOf);
  }

  /** Like Informer.onChange, over all the times that the kind is there. What goes with the kind itself is not told. */
  onChange(handler: ChangeHandler<T>): void {
    this.#changeHandlers.push(handler);
    this.#running?.informer.onChange(handler);
  }

  /** Calls the handler after each change of `availability`. */
  onAvailability(handler: () => void): void {
    this.#availabilityHandlers.push(handler);
  }

  #begun(): void {
    const stop = new AbortController();
    const informer = new Informer<T, V>({
      ...this.#options,
      onFailed: (error) => this.#failed(running, error),
    });
    const running: Running<T, V> = { informer, stop };
    this.#running = running;
    for (const [name, valuesOf] of this.#indexes) informer.addIndex(name, valuesOf);
    for (const handler of this.#changeHandlers) informer.onChange(handler);
    informer.start(stop.signal);
    void informer.synced.then(() => {
      if (this.#running === running) this.#become('Served');
    });
  }

  /** Nobody says whether the kind is there. What is followed already is followed on. */
  #denied(): void {
    if (!this.#running) this.#become('Forbidden');
  }

  #ended(): void {
    this.#running?.stop.abort();
    this.#running = undefined;
    this.#become('Absent');
  }

  #failed(running: Running<T, V>, error: unknown): void {
    if (this.#running !== running) return;
    if (isNotFound(error)) this.#discovery.askSoon();
    if (isForbidden(error) && !running.informer.hasSynced) this.#become('Forbidden');
  }

  #become(availability: Availability): void {
    if (availability === this.#availability) return;
    this.#availability = availability;
    this.#settle();
    for (const handler of this.#availabilityHandlers) handler();
  }
}
