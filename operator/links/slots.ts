/** Lets a bounded number of things go on at a time; the rest wait in order. */
export class Slots {
  readonly #size: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Calls `begin` when there is a slot, perhaps at once.
   *
   * @returns gives the slot back, or the place in the queue; more than one call does no harm
   */
  take(begin: () => void): () => void {
    let state: 'waiting' | 'taken' | 'done' = 'waiting';
    const start = (): void => {
      this.#waiting.delete(start);
      this.#taken += 1;
      state = 'taken';
      begin();
    };
    this.#waiting.add(start);
    this.#next();
    return () => {
      if (state === 'waiting') this.#waiting.delete(start);
      if (state === 'taken') this.#taken -= 1;
      state = 'done';
      this.#next();
    };
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first !== undefined && this.#taken < this.#size) first();
  }
}
