import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError, isForbidden } from './errors.ts';
import { keyOf } from './key.ts';
import { INACTIVITY_MIN_MS, Reflector } from './reflector.ts';
import type { Read, Resource, Verb } from './resource.ts';
import { Store } from './store.ts';
import type { IndexFunction, Codec } from './store.ts';
import type { KubernetesObject } from './types.ts';

export interface ChangeInfo {
  /** The object already existed when the cache, or this handler, started. */
  initial: boolean;
}

/**
 * Called after a change of the cache. `previous` is undefined for a new object, `current` for a deleted one. An object
 * that was deleted and created again is first deleted, then new. Handlers should only enqueue keys.
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
  /** Lists and watches each of these namespaces separately, so that a Role in each of them suffices. */
  namespaces?: readonly string[];
  labelSelector?: string;
  /** See ReflectorOptions. */
  streams?: boolean;
  /** Reduces an object before it is cached; may change its argument. Default: removes managedFields. */
  transform?: (object: T) => T;
  /** How objects are kept in memory. Default: unpacked, and shared by all readers. */
  codec?: Codec<T>;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  logger?: Logger;
  /** Called when a list or a watch failed. The reflector tries again by itself. */
  onFailed?: (error: unknown) => void;
}

/** Number of listed objects after which the event loop may run. */
const SLICE = 500;
const STALE_MS = 2 * INACTIVITY_MIN_MS;
const NAMESPACE_INDEX = 'namespace';

/** A watched namespace; undefined: all namespaces. */
interface Scope<T extends KubernetesObject> {
  namespace: string | undefined;
  reflector: Reflector<T>;
  hasSynced: boolean;
  /** Whether the operator may not list the kind there, as in a namespace that was deleted with its roles. */
  isForbidden: boolean;
  /** Monotonic milliseconds of the last list, event or bookmark. */
  lastContactAt?: number;
}

/**
 * A cache of the objects of one kind, kept current by a watch. Its objects are shared: do not change them. V: what the
 * operator may do with the kind besides reading.
 */
export class Informer<T extends KubernetesObject, V extends Verb = never> {
  readonly resource: Resource<T, Read | V>;
  /** Resolves when the first list is in the cache and handlers were called. */
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
    this.#store = new Store<T>(options.codec);
    this.#clock = clock;
    this.#logger = logger;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#resolveSynced = resolve;
    this.#store.addIndex(NAMESPACE_INDEX, ({ metadata }) => [metadata.namespace ?? '']);
    this.#scopes = namespaces.map((each) => this.#scope(options, each));
  }

  /** Lists and watches until the signal aborts. The cache stays readable afterwards. */
  start(signal: AbortSignal): void {
    if (this.#started) throw new Error(`The informer of ${this.resource.plural} was started twice`);
    this.#started = true;
    for (const { reflector } of this.#scopes) void reflector.run(signal);
  }

  /** A namespace without permission does not hold up the others. Its objects come when the permission does. */
  get hasSynced(): boolean {
    const scopes = this.#scopes;
    return (
      scopes.some(({ hasSynced }) => hasSynced) &&
      scopes.every(({ hasSynced, isForbidden }) => hasSynced || isForbidden)
    );
  }

  /** Namespaces that the operator has not listed, because it may not. */
  get forbiddenNamespaces(): string[] {
    return this.#scopes.flatMap(({ namespace, hasSynced, isForbidden }) =>
      namespace !== undefined && isForbidden && !hasSynced ? [namespace] : [],
    );
  }

  get size(): number {
    return this.#store.size;
  }

  /**
   * Milliseconds since the last event, bookmark or list; undefined before the first list. Of several namespaces the one
   * that has been silent longest counts.
   */
  get lastEventAgeMs(): number | undefined {
    const contacts = this.#scopes.flatMap(({ lastContactAt }) => lastContactAt ?? []);
    if (contacts.length < this.#scopes.length) return undefined;
    return this.#clock.monotonic() - Math.min(...contacts);
  }

  /** Whether the last event is older than it takes to notice a dead watch and reopen it. */
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

  /** Indexes all objects, also those in the cache, by the values that `valuesOf` returns. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#store.addIndex(name, valuesOf);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  /** Like byIndex, but only the keys: it decodes no object. */
  keysByIndex(name: string, value: string): string[] {
    return this.#store.keysByIndex(name, value);
  }

  /** Calls the handler for each cached object, and then for each change. */
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
      onContact: () => void (scope.lastContactAt = clock.monotonic()),
    };
    const watched = { client, resource, namespace, labelSelector, streams };
    const reflector = new Reflector({
      ...watched,
      transform,
      sink,
      clock,
      random,
      logger,
      onFailed: (error) => {
        scope.isForbidden ||= isForbidden(error);
        if (this.hasSynced) this.#resolveSynced();
        onFailed?.(error);
      },
    });
    const scope: Scope<T> = { namespace, reflector, hasSynced: false, isForbidden: false };
    return scope;
  }

  /** Works in slices, so that a long list does not block the event loop. */
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

  /** A handler that throws must stop neither the other handlers nor the watch. */
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
      this.#logger?.error(
        { ...object, ...describeError(error) },
        'A handler of a watch event failed',
      );
    }
  }
}

/** Whether the object was deleted and created again, and the watch has not reported the deletion. */
function isAnother(object: KubernetesObject, known: KubernetesObject | undefined): boolean {
  return known !== undefined && known.metadata.uid !== object.metadata.uid;
}

/** managedFields are the larger part of many objects, and no controller here reads them. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  delete (object.metadata as { managedFields?: unknown }).managedFields;
  return object;
}
