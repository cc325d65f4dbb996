export interface Place<Item> {
  readonly item: Item;
  /** In milliseconds. */
  readonly deadlineAt: number;
}

/** Bounded queue, first in first out. An item can leave from any place. */
export class WaitQueue<Item> {
  readonly #places = new Set<Place<Item>>();

  get length(): number {
    return this.#places.size;
  }

  /** Adds an item at the end; undefined if the queue already holds `max`. */
  join(item: Item, deadlineAt: number, max: number): Place<Item> | undefined {
    if (this.#places.size >= max) return undefined;
    const place = { item, deadlineAt };
    this.#places.add(place);
    return place;
  }

  /** Returns false if the place has left before. */
  leave(place: Place<Item>): boolean {
    return this.#places.delete(place);
  }

  has(place: Place<Item>): boolean {
    return this.#places.has(place);
  }

  /** Removes the first item. */
  shift(): Item | undefined {
    for (const place of this.#places) {
      this.#places.delete(place);
      return place.item;
    }
    return undefined;
  }

  /** Removes the items whose deadline has passed. */
  expire(now: number): Item[] {
    const late = this.all().filter(({ deadlineAt }) => deadlineAt <= now);
    for (const place of late) this.#places.delete(place);
    return late.map(({ item }) => item);
  }

  /** First to last. */
  all(): Place<Item>[] {
    return [...this.#places];
  }

  /** The earliest deadline; Infinity if the queue is empty. */
  nextDeadline(): number {
    let next = Infinity;
    for (const { deadlineAt } of this.#places) next = Math.min(next, deadlineAt);
    return next;
  }
}
