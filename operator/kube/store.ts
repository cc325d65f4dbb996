/** The values under which an index finds an object; none when it is not to be found there. */
export type IndexFunction<T> = (object: T) => string[];

interface Index<T> {
  valuesOf: IndexFunction<T>;
  keys: Map<string, Set<string>>;
}

/** Objects by key, and by any number of indexes that are kept up to date. */
export class Store<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Puts the object in and returns the one that it replaces. */
  set(key: string, object: T): T | undefined {
    const previous = this.#unindexed(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) insert(index, key, object);
    return previous;
  }

  /** Takes the object out and returns it. */
  delete(key: string): T | undefined {
    const previous = this.#unindexed(key);
    this.#objects.delete(key);
    return previous;
  }

  /** @throws Error when the name is taken. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new Error(`There is an index named ${name} already`);
    const index: Index<T> = { valuesOf, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) insert(index, key, object);
  }

  /**
   * The objects that the index finds under `value`, in no order that holds.
   * @throws Error for an index that was not added.
   */
  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`There is no index named ${name}`);
    return Array.from(index.keys.get(value) ?? [], (key) => this.#objects.get(key)!);
  }

  #unindexed(key: string): T | undefined {
    const object = this.#objects.get(key);
    if (object === undefined) return undefined;
    for (const index of this.#indexes.values()) remove(index, key, object);
    return object;
  }
}

function insert<T>({ valuesOf, keys }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const known = keys.get(value);
    if (known) known.add(key);
    else keys.set(value, new Set([key]));
  }
}

function remove<T>({ valuesOf, keys }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const known = keys.get(value);
    known?.delete(key);
    if (known?.size === 0) keys.delete(value);
  }
}
