/** Something that waits its turn. */
export interface Place<Item> {
  readonly item: Item;
  readonly deadlineAt: number;
}

/** Bounded queue, first in first out, of which anybody may leave at any time. */
export class WaitQueue<Item> {
  private readonly places = new Set<Place<Item>>();

  get length(): number {
    return this.places.size;
  }

  /** The last place; undefined when `max` are taken. `deadlineAt` is in milliseconds. */
  join(item: Item, deadlineAt: number, max: number): Place<Item> | undefined {
    if (this.places.size >= max) return undefined;
    const place = { item, deadlineAt };
    this.places.add(place);
    return place;
  }

  /** Gives a place up; false when it was given up or served before. */
  leave(place: Place<Item>): boolean {
    return this.places.delete(place);
  }

  /** Whether it still waits. */
  has(place: Place<Item>): boolean {
    return this.places.has(place);
  }

  /** Whoever is first, with its place given up. */
  shift(): Item | undefined {
    for (const place of this.places) {
      this.places.delete(place);
      return place.item;
    }
    return undefined;
  }

  /** Those whose deadline has come, with their places given up. */
  expire(now: number): Item[] {
    const late = this.all().filter(({ deadlineAt }) => deadlineAt <= now);
    for (const place of late) this.places.delete(place);
    return late.map(({ item }) => item);
  }

  /** First to last. */
  all(): Place<Item>[] {
    return [...this.places];
  }

  /** The earliest deadline; Infinity when nobody waits. */
  nextDeadline(): number {
    let next = Infinity;
    for (const { deadlineAt } of this.places) next = Math.min(next, deadlineAt);
    return next;
  }
}
