/** Lets at most `limit` holders in at a time, in the order they came. */
export class InFlightLimit {
  readonly #limit: number;
  #active = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with the function that gives the place back. Rejects with the signal's reason on abort. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#active >= this.#limit) await this.#turn(signal);
    else this.#active += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release();
    };
  }

  #turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
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
      this.#waiting.add(enter);
      signal?.addEventListener('abort', abort);
    });
  }

  /** A place that is given back goes straight to the next in line. */
  #release(): void {
    for (const next of this.#waiting) return next();
    this.#active -= 1;
  }
}
