import { addAbortListener } from 'node:events';

/** While both lines wait, one of so many free places goes to the line of low priority. */
const LOW_PRIORITY_SHARE = 4;

/**
 * Admits at most `limit` requests at the same time, in the order in which they came. Requests of low priority come after
 * the others, but always get a share of the places, so that they do not starve.
 */
export class InFlightLimit {
  readonly #limit: number;
  #active = 0;
  #passed = 0;
  readonly #waiting = new Set<() => void>();
  readonly #lowPriority = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with a function that releases the place. Rejects with the signal's reason on abort. */
  async acquire(signal?: AbortSignal, lowPriority = false): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#active >= this.#limit)
      await this.#turn(lowPriority ? this.#lowPriority : this.#waiting, signal);
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
        aborts?.[Symbol.dispose]();
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
      const aborts = signal && addAbortListener(signal, abort);
    });
  }

  /** Passes the place on to the next in line. */
  #release(): void {
    for (const next of this.#nextLine()) return next();
    this.#active -= 1;
  }

  #nextLine(): Set<() => void> {
    if (this.#waiting.size === 0) return this.#lowPriority;
    if (this.#lowPriority.size === 0) return this.#waiting;
    this.#passed = (this.#passed + 1) % LOW_PRIORITY_SHARE;
    return this.#passed === 0 ? this.#lowPriority : this.#waiting;
  }
}
