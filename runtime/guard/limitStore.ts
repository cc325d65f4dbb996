import type { BucketSpec } from '../resilience/bucket.ts';
import type {
  StoredAnswer,
  StoredAsk,
  StoredBucket,
  StoreState,
} from '../resilience/storedBucket.ts';
import type { Clock } from './clock.ts';

/** A request for one bucket. */
export interface StoreOperation extends StoredAsk {
  id: string;
  figures: BucketSpec;
}

/** Holds buckets that all pods of the agent share. */
export interface LimitStore {
  /** Runs all operations at once, or rejects. Without operations it only checks that the store works. */
  run(operations: readonly StoreOperation[]): Promise<StoredAnswer[]>;
}

export interface LimitStoreStats {
  up: boolean;
  /** Number of answers. */
  answers: number;
  /** Time spent waiting for answers. */
  waitSeconds: number;
  /** Time in which the store was down. */
  downSeconds: number;
}

/** Interval between two checks of a store that is down, in milliseconds. */
const RETRY_MS = 1000;
/** Largest number of concurrent batches. Later requests wait for the next batch. */
const BATCHES = 2;
/** Largest number of buckets in a batch, so that no script blocks the store for long. */
const BATCH = 200;

export interface StoreParts {
  /** The store answers again. */
  storeRecovered(now: number): void;
  /** The store went down, with the reason, or came back. */
  storeChanged(up: boolean, reason?: string): void;
}

/** Stands in where the configuration has no store. */
export const NO_STORE: LimitStore = { run: () => Promise.reject(new Error('there is no store')) };

/**
 * Sends the requests of buckets to the store in batches. A store that does not answer in time is down until it answers
 * again. Times are monotonic.
 */
export class StoredLimits implements StoreState {
  /** Timeout of an answer: the shortest of all limits in force. The guard sets it. */
  timeoutMs = Infinity;
  downSince: number | undefined;
  retryAt = -Infinity;
  readonly #clock: Clock;
  readonly #store: LimitStore;
  readonly #parts: StoreParts;
  readonly #asking = new Set<StoredBucket>();
  #underWay = 0;
  #scheduled = false;
  #cancelRetry: (() => void) | undefined;
  #closed = false;
  #answers = 0;
  #waitedMs = 0;
  #downMs = 0;
  /** Why the last request failed. */
  #failure = '';

  constructor(clock: Clock, store: LimitStore, parts: StoreParts) {
    this.#clock = clock;
    this.#store = store;
    this.#parts = parts;
  }

  ask(bucket: StoredBucket): void {
    this.#asking.add(bucket);
    if (this.#scheduled || this.downSince !== undefined) return;
    this.#scheduled = true;
    // Waits until all calls of this moment have asked, so that they share a batch.
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  stats(): LimitStoreStats {
    const since = this.downSince;
    const downMs = this.#downMs + (since === undefined ? 0 : this.#now() - since);
    return {
      up: since === undefined,
      answers: this.#answers,
      waitSeconds: this.#waitedMs / 1000,
      downSeconds: downMs / 1000,
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
  }

  #flush(): void {
    while (
      !this.#closed &&
      this.downSince === undefined &&
      this.#underWay < BATCHES &&
      this.#asking.size > 0
    ) {
      const { buckets, operations } = this.#batch();
      if (operations.length > 0) void this.#exchange(buckets, operations);
    }
  }

  #batch(): { buckets: StoredBucket[]; operations: StoreOperation[] } {
    const buckets: StoredBucket[] = [];
    const operations: StoreOperation[] = [];
    for (const bucket of this.#asking) {
      if (operations.length >= BATCH) break;
      this.#asking.delete(bucket);
      const asked = bucket.begin();
      if (asked === undefined) continue;
      buckets.push(bucket);
      operations.push({ id: bucket.id, figures: bucket.figures, ...asked });
    }
    return { buckets, operations };
  }

  async #exchange(
    buckets: readonly StoredBucket[],
    operations: readonly StoreOperation[],
  ): Promise<void> {
    this.#underWay += 1;
    const began = this.#now();
    const late = (answers: readonly StoredAnswer[]): void =>
      buckets.forEach((bucket, i) => bucket.giveBack(answers[i]!.granted));
    const answers = await this.#inTime(this.#store.run(operations), late);
    this.#underWay -= 1;
    if (this.#closed) return;
    const now = this.#now();
    this.#waitedMs += now - began;
    if (answers === undefined) {
      for (const bucket of buckets) {
        bucket.fail();
        this.#asking.add(bucket);
      }
      this.#down(now);
    } else {
      this.#answers += answers.length;
      buckets.forEach((bucket, i) => bucket.answer(answers[i]!, now));
    }
    for (const wake of new Set(buckets.map((bucket) => bucket.wake))) wake(now);
    for (const bucket of buckets) bucket.end(now);
    this.#flush();
  }

  /** Returns the answers, or undefined after the timeout. Later answers go to `late`. */
  async #inTime(
    asked: Promise<StoredAnswer[]>,
    late: (answers: readonly StoredAnswer[]) => void,
  ): Promise<StoredAnswer[] | undefined> {
    const { promise, resolve } = Promise.withResolvers<StoredAnswer[] | undefined>();
    let isOver = false;
    const end = (answers: StoredAnswer[] | undefined): void => {
      if (isOver && answers !== undefined && !this.#closed) late(answers);
      isOver = true;
      resolve(answers);
    };
    const fail = (reason: string): void => {
      if (!isOver) this.#failure = reason;
      end(undefined);
    };
    const cancel =
      this.timeoutMs === Infinity
        ? undefined
        : this.#clock.setTimer(this.timeoutMs, () => fail(`no answer within ${this.timeoutMs} ms`));
    asked.then(end, (error: Error) => fail(error.message));
    const answers = await promise;
    cancel?.();
    return answers;
  }

  #down(now: number): void {
    if (this.downSince === undefined) {
      this.downSince = now;
      this.#parts.storeChanged(false, this.#failure);
    }
    this.#retryLater(now);
  }

  #retryLater(now: number): void {
    if (this.#cancelRetry !== undefined || this.#closed) return;
    this.retryAt = now + RETRY_MS;
    this.#cancelRetry = this.#clock.setTimer(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      void this.#retry();
    });
  }

  async #retry(): Promise<void> {
    const answers = await this.#inTime(this.#store.run([]), () => undefined);
    if (this.#closed) return;
    const now = this.#now();
    if (answers === undefined) return this.#retryLater(now);
    this.#downMs += now - this.downSince!;
    this.downSince = undefined;
    this.#parts.storeChanged(true);
    this.#flush();
    this.#parts.storeRecovered(now);
  }

  #now(): number {
    return Math.floor(this.#clock.now());
  }
}
