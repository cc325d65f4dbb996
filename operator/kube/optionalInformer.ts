import { systemClock } from './clock.ts';
import type { Discovery } from './discovery.ts';
import { isForbidden, isNotFound } from './errors.ts';
import { Informer } from './informer.ts';
import type { ChangeHandler, InformerOptions } from './informer.ts';
import type { Read, Resource, Verb } from './resource.ts';
import type { IndexFunction } from './store.ts';
import type { KubernetesObject } from './types.ts';

/**
 * Whether a kind that may be installed or not can be used. `Unknown`: the API server has not answered yet. `Forbidden`:
 * the operator may not read the kind, or may not ask for it. `Failing`: for some time the API server has not listed the
 * kind, or not said whether it is installed.
 */
export type Availability = 'Unknown' | 'Absent' | 'Forbidden' | 'Failing' | 'Served';

/** For this time the operator waits for an optional kind. Then it works without it. */
export const OPTIONAL_KIND_MS = 10_000;

interface Running<T extends KubernetesObject, V extends Verb> {
  informer: Informer<T, V>;
  stop: AbortController;
}

/** An informer of a kind that may be installed and removed while the operator runs. */
export class OptionalInformer<T extends KubernetesObject, V extends Verb = never> {
  readonly resource: Resource<T, Read | V>;
  /** Resolves when `availability` is known and the cache of a served kind is filled, or after OPTIONAL_KIND_MS. */
  readonly settled: Promise<void>;
  readonly #options: InformerOptions<T, V>;
  readonly #discovery: Discovery;
  readonly #changeHandlers: ChangeHandler<T>[] = [];
  readonly #indexes = new Map<string, IndexFunction<T>>();
  readonly #availabilityHandlers: (() => void)[] = [];
  readonly #settle: () => void;
  #availability: Availability = 'Unknown';
  #running?: Running<T, V>;

  /** @param discovery of the resource's group and version. The caller runs it. */
  constructor(options: InformerOptions<T, V>, discovery: Discovery) {
    this.resource = options.resource;
    this.#options = options;
    this.#discovery = discovery;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Watches the kind while it is served, until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#discovery.onAnswer((answer) => {
      if (signal.aborted) return;
      if (answer === 'Forbidden') this.#discoveryForbidden();
      else if (!answer.has(this.resource.plural)) this.#stopInformer();
      else if (!this.#running) this.#startInformer();
    });
    signal.addEventListener('abort', () => this.#running?.stop.abort(), { once: true });
    this.#failUnlessSettled(signal, () => this.#availability === 'Unknown');
  }

  get availability(): Availability {
    return this.#availability;
  }

  /** The synced informer; undefined unless the kind is served. */
  get informer(): Informer<T, V> | undefined {
    return this.#availability === 'Served' ? this.#running?.informer : undefined;
  }

  /** Like Informer.addIndex, for all later informers. Must be called before start. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#indexes.set(name, valuesOf);
  }

  /** Like Informer.onChange, also after the kind was installed again. The removal of the kind is not reported. */
  onChange(handler: ChangeHandler<T>): void {
    this.#changeHandlers.push(handler);
    this.#running?.informer.onChange(handler);
  }

  /** Calls the handler after each change of `availability`. */
  onAvailability(handler: () => void): void {
    this.#availabilityHandlers.push(handler);
  }

  #startInformer(): void {
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
      if (this.#running === running) this.#setAvailability('Served');
    });
    // A kind without permission stays Forbidden.
    this.#failUnlessSettled(stop.signal, () => this.#availability === 'Absent');
  }

  #failUnlessSettled(signal: AbortSignal, isUnsettled: () => boolean): void {
    const { clock = systemClock, logger } = this.#options;
    const cancel = clock.after(OPTIONAL_KIND_MS, () => {
      if (!isUnsettled()) return;
      logger?.warn(
        { resource: this.resource.plural },
        'The API server does not list an optional kind. The operator works without it until it does',
      );
      this.#setAvailability('Failing');
    });
    signal.addEventListener('abort', cancel, { once: true });
  }

  /** A running informer goes on: the answer says nothing about its kind. */
  #discoveryForbidden(): void {
    if (!this.#running) this.#setAvailability('Forbidden');
  }

  #stopInformer(): void {
    this.#running?.stop.abort();
    this.#running = undefined;
    this.#setAvailability('Absent');
  }

  #failed(running: Running<T, V>, error: unknown): void {
    if (this.#running !== running) return;
    if (isNotFound(error)) this.#discovery.askSoon();
    if (isForbidden(error) && !running.informer.hasSynced) this.#setAvailability('Forbidden');
  }

  #setAvailability(availability: Availability): void {
    if (availability === this.#availability) return;
    this.#availability = availability;
    this.#settle();
    for (const handler of this.#availabilityHandlers) handler();
  }
}
