import type { ChangeHandler } from '../kube/informer.ts';
import { keyOf } from '../kube/key.ts';
import { Store, type IndexFunction } from '../kube/store.ts';
import type { KubernetesObject } from '../kube/types.ts';

/** An informer that a test feeds in place of a watch. */
export class MemoryInformer<T extends KubernetesObject> {
  readonly #store = new Store<T>();
  readonly #handlers: ChangeHandler<T>[] = [];

  /** As in a real one, an object with another UID is a deletion and an addition. */
  set(object: T): void {
    const key = keyOf(object);
    const known = this.#store.get(key);
    if (known && known.metadata.uid !== object.metadata.uid) this.delete(known);
    const previous = this.#store.set(key, object);
    this.#tell(object, previous);
  }

  delete(object: T): void {
    const previous = this.#store.delete(keyOf(object));
    if (previous) this.#tell(undefined, previous);
  }

  /** Replaces all objects, as after another list. */
  relist(objects: readonly T[]): void {
    const there = new Set(objects.map(keyOf));
    for (const object of this.list()) if (!there.has(keyOf(object))) this.delete(object);
    for (const object of objects) this.set(object);
  }

  list(): T[] {
    return [...this.#store.values()];
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#store.get(keyOf({ metadata: { namespace, name } }));
  }

  getByKey(key: string): T | undefined {
    return this.#store.get(key);
  }

  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#store.addIndex(name, valuesOf);
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  onChange(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.list()) handler(object, undefined, { initial: true });
  }

  #tell(current: T | undefined, previous: T | undefined): void {
    for (const handler of this.#handlers) handler(current, previous, { initial: false });
  }
}
