import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError } from './errors.ts';
import { keyOf } from './key.ts';
import { INACTIVITY_MIN_MS, Reflector } from './reflector.ts';
import type { Read, Resource, Verb } from './resource.ts';
import { Store } from './store.ts';
import type { IndexFunction, Packing } from './store.ts';
import type { KubernetesObject } from './types.ts';

export interface ChangeInfo {
  /** The object was there when the cache, or this handler, started: nothing happened to it just now. */
  initial: boolean;
}

/**
 * Called after the cache changed: without `previous` the object is new, without `current` it is gone. One
 * that was replaced by another of its name is gone and then new. Meant to enqueue keys and nothing else.
 */
export type ChangeHandler<T> = (
  current: T | undefined,
  previous: T | undefined,
  info: ChangeInfo,
) => void;

export interface InformerOptions<T extends KubernetesObject, V extends Verb = never> {
  client: Pick<KubeClient, 'listPages' | 'watch'>;
  resource: Resource<T, Read | V>;
  /** Absent: all namespaces. */
  namespace?: string;
  /** More than one, each with a list and a watch of its own, so that a Role in each of them is enough. */
  namespaces?: readonly string[];
  labelSelector?: string;
  /** See ReflectorOptions. */
  streams?: boolean;
  /** What to keep of an object; may change the one it gets. Default: all but managedFields. */
  transform?: (object: T) => T;
  /** How objects are kept. Default: each itself, which all who look share. */
  packing?: Packing<T>;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  logger?: Logger;
  /** Called when a list or a watch failed; another try follows. */
  onFailed?: (error: unknown) => void;
}

/** Objects of a list that are taken in without a break. */
const SLICE = 500;
const STALE_MS = 2 * INACTIVITY_MIN_MS;
const NAMESPACE_INDEX = 'namespace';

/** A namespace that is followed, or all of them. */
interface Scope<T extends KubernetesObject> {
  namespace: string | undefined;
  reflector: Reflector<T>;
  hasSynced: boolean;
  heardAt?: number;
}

/**
 * A cache of one kind of object that follows the API server. Its objects are shared: do not change them.
 * V is what may be done with the kind besides.
 */
export class Informer<T extends KubernetesObject, V extends Verb = never> {
  readonly resource: Resource<T, Read | V>;
  /** Resolves when the cache holds what the first list said and handlers have heard it. */
  readonly synced: Promise<void>;
  readonly #store: Store<T>;
  readonly #scopes: readonly Scope<T>[];
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #clock: Clock;
  readonly #logger?: Logger;
  readonly #resolveSynced: () => void;
  #started = false;

  constructor(options: InformerOptions<T, V>) {
    const { resource, namespace, logger, clock = systemClock } = options;
    const namespaces = options.namespaces?.length ? options.namespaces : [namespace];
    this.resource = resource;
    this.#store = new Store<T>(options.packing);
    this.#clock = clock;
    this.#logger = logger;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#resolveSynced = resolve;
    this.#store.addIndex(NAMESPACE_INDEX, ({ metadata }) => [metadata.namespace ?? '']);
    this.#scopes = namespaces.map((each) => this.#scope(options, each));
  }

  /** Follows the API server until the signal aborts; the cache stays readable afterwards. */
  start(signal: AbortSignal): void {
    if (this.#started) throw new Error(`The informer of ${this.resource.plural} runs already`);
    this.#started = true;
    for (const { reflector } of this.#scopes) void reflector.run(signal);
  }

  get hasSynced(): boolean {
    return this.#scopes.every(({ hasSynced }) => hasSynced);
  }

  /** Number of objects in the cache. */
  get size(): number {
    return this.#store.size;
  }

  /**
   * Milliseconds since the API server was last heard, bookmarks included; undefined before the first list. Of several
   * namespaces the one that is silent for longest counts.
   */
  get lastEventAgeMs(): number | undefined {
    const heard = this.#scopes.map(({ heardAt }) => heardAt).filter((at) => at !== undefined);
    if (heard.length < this.#scopes.length) return undefined;
    return this.#clock.monotonic() - Math.min(...heard);
  }

  /** Whether the API server was not heard for longer than a dead watch takes to be noticed and opened again. */
  get isStale(): boolean {
    return (this.lastEventAgeMs ?? 0) > STALE_MS;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#store.get(keyOf({ metadata: { namespace, name } }));
  }

  getByKey(key: string): T | undefined {
    return this.#store.get(key);
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): T[] {
    if (namespace === undefined) return [...this.#store.values()];
    return this.#store.byIndex(NAMESPACE_INDEX, namespace);
  }

  /** Indexes objects by what `valuesOf` says of each, also those already here. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#store.addIndex(name, valuesOf);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  /** The keys of the same, without a look at the objects. */
  keysByIndex(name: string, value: string): string[] {
    return this.#store.keysByIndex(name, value);
  }

  /** Calls the handler for each object that is there, and from then on for each change. */
  onChange(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of [...this.#store.values()]) {
      this.#call(handler, object, undefined, true);
    }
  }

  #scope(options: InformerOptions<T, V>, namespace: string | undefined): Scope<T> {
    const { client, resource, labelSelector, streams, logger, onFailed } = options;
    const { transform = withoutManagedFields, clock = systemClock, random = Math.random } = options;
    const sink = {
      replace: (objects: T[]) => this.#replace(scope, objects),
      upsert: (object: T) => this.#upsert(object, false),
      remove: (object: T) => this.#remove(keyOf(object)),
      heard: () => void (scope.heardAt = clock.monotonic()),
    };
    const watched = { client, resource, namespace, labelSelector, streams };
    const reflector = new Reflector({
      ...watched,
      transform,
      sink,
      clock,
      random,
      logger,
      onFailed,
    });
    const scope: Scope<T> = { namespace, reflector, hasSynced: false };
    return scope;
  }

  /** In slices, so that a long list does not hold up all else. */
  async #replace(scope: Scope<T>, objects: T[]): Promise<void> {
    const { namespace } = scope;
    const initial = !scope.hasSynced;
    const gone = new Set(
      namespace === undefined
        ? this.#store.keys()
        : this.#store.keysByIndex(NAMESPACE_INDEX, namespace),
    );
    for (const object of objects) gone.delete(keyOf(object));
    for (const key of gone) this.#remove(key);
    for (const [index, object] of objects.entries()) {
      if (index % SLICE === SLICE - 1) await setImmediate();
      this.#upsert(object, initial);
    }
    scope.hasSynced = true;
    if (this.hasSynced) this.#resolveSynced();
  }

  #upsert(object: T, initial: boolean): void {
    const key = keyOf(object);
    let previous = this.#store.get(key);
    if (isAnother(object, previous)) {
      this.#remove(key);
      previous = undefined;
    }
    this.#store.set(key, object, previous);
    if (previous && previous.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#notify(object, previous, initial);
  }

  #remove(key: string): void {
    const previous = this.#store.delete(key);
    if (previous) this.#notify(undefined, previous, false);
  }

  #notify(current: T | undefined, previous: T | undefined, initial: boolean): void {
    for (const handler of this.#handlers) this.#call(handler, current, previous, initial);
  }

  /** One handler that throws takes neither the others nor the watch with it. */
  #call(
    handler: ChangeHandler<T>,
    current: T | undefined,
    previous: T | undefined,
    initial: boolean,
  ): void {
    try {
      handler(current, previous, { initial });
    } catch (error) {
      const { namespace, name } = (current ?? previous!).metadata;
      const object = { resource: this.resource.plural, namespace, name };
      this.#logger?.error({ ...object, ...describeError(error) }, 'Change handler failed');
    }
  }
}

/** Same name, other object: deleted and created anew while nobody watched. */
function isAnother(object: KubernetesObject, known: KubernetesObject | undefined): boolean {
  return known !== undefined && known.metadata.uid !== object.metadata.uid;
}

/** managedFields are most of many objects, and no controller reads them. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  return object;
}
