/** The values under which an index finds an object; empty: the index leaves it out. */
export type IndexFunction<T> = (object: T) => string[];

/** How a store keeps its objects in memory: encoded as a P. */
export interface Codec<T, P = unknown> {
  encode(object: T): P;
  decode(encoded: P): T;
}

const AS_OBJECT = {
  encode: <T>(object: T): T => object,
  decode: <T>(encoded: unknown) => encoded as T,
};

/**
 * As text, for numerous objects that are seldom read. It needs half the memory of a parsed object and leaves the garbage
 * collector nothing to trace. Each read costs some microseconds and returns a copy.
 */
export const AS_TEXT: Codec<object, string> = {
  encode: (object) => JSON.stringify(object),
  decode: (text) => JSON.parse(text) as object,
};

interface Index<T> {
  valuesOf: IndexFunction<T>;
  keys: Map<string, Set<string>>;
}

/** Objects by key and by any number of indexes. */
export class Store<T> {
  readonly #objects = new Map<string, unknown>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #codec: Codec<T>;

  constructor(codec: Codec<T> = AS_OBJECT) {
    this.#codec = codec;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    const encoded = this.#objects.get(key);
    return encoded === undefined ? undefined : this.#codec.decode(encoded);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  *values(): IterableIterator<T> {
    for (const encoded of this.#objects.values()) yield this.#codec.decode(encoded);
  }

  /**
   * Adds or replaces an object and returns the former one.
   * @param previous the former one, if the caller has read it already
   */
  set(key: string, object: T, previous: T | undefined = this.get(key)): T | undefined {
    if (previous !== undefined) this.#unindex(key, previous);
    this.#objects.set(key, this.#codec.encode(object));
    for (const index of this.#indexes.values()) insert(index, key, object);
    return previous;
  }

  /** Removes an object and returns it. */
  delete(key: string): T | undefined {
    const previous = this.get(key);
    if (previous === undefined) return undefined;
    this.#unindex(key, previous);
    this.#objects.delete(key);
    return previous;
  }

  /** @throws Error if there is an index of this name */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new Error(`There is an index named ${name} already`);
    const index: Index<T> = { valuesOf, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, encoded] of this.#objects) insert(index, key, this.#codec.decode(encoded));
  }

  /**
   * The objects that the index finds under `value`, in no particular order.
   * @throws Error for an unknown index
   */
  byIndex(name: string, value: string): T[] {
    return this.keysByIndex(name, value).map((key) => this.get(key)!);
  }

  /** Like byIndex, but only the keys: it decodes no object. */
  keysByIndex(name: string, value: string): string[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`There is no index named ${name}`);
    return [...(index.keys.get(value) ?? [])];
  }

  #unindex(key: string, object: T): void {
    for (const index of this.#indexes.values()) remove(index, key, object);
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
