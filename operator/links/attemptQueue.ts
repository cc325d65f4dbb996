/** How many attempts go on at a time. */
export interface AttemptLimits {
  /** First attempts, and those after a link that was good. */
  first: number;
  /** Attempts at pods whose last attempt failed. */
  repeated: number;
}

/** Whose attempt it is, and what became of those before it. */
export interface Attempt {
  namespace: string;
  /** How many failed in a row. */
  failures: number;
  /** How many ran out of time in a row. Each had its place until then; one that is refused gives its place back at once. */
  timeouts: number;
}

/** From here on, one timeout more changes nothing. */
const MOST_TIMEOUTS = 8;

/**
 * Lets a bounded number of attempts go on at a time. First attempts and repeated ones have places of their own, so that
 * pods which cannot be reached hold up no other. Of repeated attempts, those with the fewest timeouts go first: a pod
 * that starts refuses its first connection, and does not wait for all dead ones to be tried again.
 * Namespaces take turns; within one, attempts go in the order in which they came.
 */
export class AttemptQueue {
  readonly #first: Lane;
  readonly #repeated: Lane;

  constructor({ first, repeated }: AttemptLimits) {
    this.#first = new Lane(first);
    this.#repeated = new Lane(repeated);
  }

  /**
   * Calls `begin` when there is a place, perhaps at once.
   *
   * @returns gives the place back, or stops waiting for one; more than one call does no harm
   */
  take(attempt: Attempt, begin: () => void): () => void {
    return (attempt.failures === 0 ? this.#first : this.#repeated).take(attempt, begin);
  }

  /** Nobody who waits gets a place any more. */
  clear(): void {
    this.#first.clear();
    this.#repeated.clear();
  }
}

type State = 'waiting' | 'begun' | 'done';

class Lane {
  readonly #size: number;
  readonly #queues = Array.from({ length: MOST_TIMEOUTS + 1 }, () => new FairQueue());
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  take({ namespace, timeouts }: Attempt, begin: () => void): () => void {
    const queue = this.#queues[Math.min(timeouts, MOST_TIMEOUTS)]!;
    let state: State = 'waiting';
    const start = (): void => {
      this.#taken += 1;
      state = 'begun';
      begin();
    };
    queue.add(namespace, start);
    this.#next();
    return () => {
      if (state === 'waiting') queue.delete(namespace, start);
      if (state === 'begun') this.#taken -= 1;
      state = 'done';
      this.#next();
    };
  }

  clear(): void {
    for (const queue of this.#queues) queue.clear();
  }

  #next(): void {
    if (this.#taken >= this.#size) return;
    this.#queues.find((queue) => !queue.empty)?.shift()?.();
  }
}

/** Starts that wait, by namespace. */
class FairQueue {
  /** The namespace whose turn it is comes first. */
  readonly #namespaces = new Map<string, Set<() => void>>();

  get empty(): boolean {
    return this.#namespaces.size === 0;
  }

  clear(): void {
    this.#namespaces.clear();
  }

  add(namespace: string, start: () => void): void {
    const waiting = this.#namespaces.get(namespace);
    if (waiting === undefined) this.#namespaces.set(namespace, new Set([start]));
    else waiting.add(start);
  }

  delete(namespace: string, start: () => void): void {
    const waiting = this.#namespaces.get(namespace);
    waiting?.delete(start);
    if (waiting?.size === 0) this.#namespaces.delete(namespace);
  }

  shift(): (() => void) | undefined {
    for (const [namespace, waiting] of this.#namespaces) {
      const [start] = waiting;
      waiting.delete(start!);
      this.#namespaces.delete(namespace);
      if (waiting.size > 0) this.#namespaces.set(namespace, waiting);
      return start;
    }
    return undefined;
  }
}
