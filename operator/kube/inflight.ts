/** Of so many places given back while both wait, one goes to who yields. */
const SHARE = 4;

/**
 * Lets at most `limit` holders in at a time, in the order they came, but those who yield after the others. They
 * too get a share of the places, so that a busy time holds them up but does not shut them out.
 */
export class InFlightLimit {
  readonly #limit: number;
  #active = 0;
  #passed = 0;
  readonly #waiting = new Set<() => void>();
  readonly #yielding = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with the function that gives the place back. Rejects with the signal's reason on abort. */
  async acquire(signal?: AbortSignal, yields = false): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#active >= this.#limit)
      await this.#turn(yields ? this.#yielding : this.#waiting, signal);
    else this.#active += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release();
    };
  }

  #turn(line: Set<() => void>, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        line.delete(enter);
        signal?.removeEventListener('abort', abort);
      };
      const enter = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(signal!.reason as Error);
      };
      line.add(enter);
      signal?.addEventListener('abort', abort);
    });
  }

  /** A place that is given back goes straight to the next in line. */
  #release(): void {
    for (const next of this.#nextLine()) return next();
    this.#active -= 1;
  }

  #nextLine(): Set<() => void> {
    if (this.#waiting.size === 0) return this.#yielding;
    if (this.#yielding.size === 0) return this.#waiting;
    this.#passed = (this.#passed + 1) % SHARE;
    return this.#passed === 0 ? this.#yielding : this.#waiting;
  }
}
