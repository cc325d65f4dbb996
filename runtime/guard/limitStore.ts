import type { BucketSpec } from '../resilience/bucket.ts';
import type {
  StoredAnswer,
  StoredAsk,
  StoredBucket,
  StoreState,
} from '../resilience/storedBucket.ts';
import type { Clock } from './clock.ts';

/** What is asked of one bucket. */
export interface StoreOperation extends StoredAsk {
  id: string;
  figures: BucketSpec;
}

/** Where buckets are that all pods of the agent share. */
export interface LimitStore {
  /** Does all of it at once, or rejects. Without operations it only asks whether the store does so. */
  run(operations: readonly StoreOperation[]): Promise<StoredAnswer[]>;
}

export interface LimitStoreStats {
  up: boolean;
  /** Answers of the store. */
  answers: number;
  /** Time in which it was waited for. */
  waitSeconds: number;
  /** Time in which it did not answer. */
  downSeconds: number;
}

/** A store that is down is asked again after so long. */
const RETRY_MS = 1000;
/** Batches under way at a time; what is asked meanwhile goes with the next one. */
const BATCHES = 2;
/** Buckets in a batch, so that no script holds the store up for long. */
const BATCH = 200;

/** The store of configurations without one. */
const NO_STORE: LimitStore = { run: () => Promise.reject(new Error('there is no store')) };

/**
 * Exchanges what buckets ask with the store that they are in, in batches, and notes whether the store answers in time.
 * One that does not is down until it answers again. Times are monotonic.
 */
export class StoredLimits implements StoreState {
  /** Where the buckets are; set by whoever connects. */
  store: LimitStore = NO_STORE;
  /** How long an answer may take; the shortest time of all limits in force. Set by the guard. */
  timeoutMs = Infinity;
  /** The store answers again. Set by the guard. */
  onRecovery: (now: number) => void = () => undefined;
  /** The store has gone, or has come back. */
  onChange: (up: boolean) => void = () => undefined;
  downSince: number | undefined;
  retryAt = -Infinity;
  private readonly clock: Clock;
  private readonly asking = new Set<StoredBucket>();
  private underWay = 0;
  private scheduled = false;
  private cancelRetry: (() => void) | undefined;
  private closed = false;
  private answers = 0;
  private waitedMs = 0;
  private downMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ask(bucket: StoredBucket): void {
    this.asking.add(bucket);
    if (this.scheduled || this.downSince !== undefined) return;
    this.scheduled = true;
    // Later than the calls of this moment, so that they go together.
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  stats(): LimitStoreStats {
    const since = this.downSince;
    const downMs = this.downMs + (since === undefined ? 0 : this.now() - since);
    return {
      up: since === undefined,
      answers: this.answers,
      waitSeconds: this.waitedMs / 1000,
      downSeconds: downMs / 1000,
    };
  }

  close(): void {
    this.closed = true;
    this.cancelRetry?.();
  }

  private flush(): void {
    while (
      !this.closed &&
      this.downSince === undefined &&
      this.underWay < BATCHES &&
      this.asking.size > 0
    ) {
      const { buckets, operations } = this.batch();
      if (operations.length > 0) void this.exchange(buckets, operations);
    }
  }

  private batch(): { buckets: StoredBucket[]; operations: StoreOperation[] } {
    const buckets: StoredBucket[] = [];
    const operations: StoreOperation[] = [];
    for (const bucket of this.asking) {
      if (operations.length >= BATCH) break;
      this.asking.delete(bucket);
      const asked = bucket.begin();
      if (asked === undefined) continue;
      buckets.push(bucket);
      operations.push({ id: bucket.id, figures: bucket.figures, ...asked });
    }
    return { buckets, operations };
  }

  private async exchange(
    buckets: readonly StoredBucket[],
    operations: readonly StoreOperation[],
  ): Promise<void> {
    this.underWay += 1;
    const began = this.now();
    const late = (answers: readonly StoredAnswer[]): void =>
      buckets.forEach((bucket, i) => bucket.giveBack(answers[i]!.granted));
    const answers = await this.inTime(this.store.run(operations), late);
    this.underWay -= 1;
    if (this.closed) return;
    const now = this.now();
    this.waitedMs += now - began;
    if (answers === undefined) {
      for (const bucket of buckets) {
        bucket.fail();
        this.asking.add(bucket);
      }
      this.down(now);
    } else {
      this.answers += answers.length;
      buckets.forEach((bucket, i) => bucket.answer(answers[i]!, now));
    }
    for (const wake of new Set(buckets.map((bucket) => bucket.wake))) wake(now);
    for (const bucket of buckets) bucket.end(now);
    this.flush();
  }

  /** The answers; undefined when there are none in time. Answers that come later are for `late`. */
  private async inTime(
    asked: Promise<StoredAnswer[]>,
    late: (answers: readonly StoredAnswer[]) => void,
  ): Promise<StoredAnswer[] | undefined> {
    const { promise, resolve } = Promise.withResolvers<StoredAnswer[] | undefined>();
    let isOver = false;
    const end = (answers: StoredAnswer[] | undefined): void => {
      if (isOver && answers !== undefined && !this.closed) late(answers);
      isOver = true;
      resolve(answers);
    };
    const cancel =
      this.timeoutMs === Infinity
        ? undefined
        : this.clock.setTimer(this.timeoutMs, () => end(undefined));
    asked.then(end, () => end(undefined));
    const answers = await promise;
    cancel?.();
    return answers;
  }

  private down(now: number): void {
    if (this.downSince === undefined) {
      this.downSince = now;
      this.onChange(false);
    }
    this.retryLater(now);
  }

  private retryLater(now: number): void {
    if (this.cancelRetry !== undefined || this.closed) return;
    this.retryAt = now + RETRY_MS;
    this.cancelRetry = this.clock.setTimer(RETRY_MS, () => {
      this.cancelRetry = undefined;
      void this.retry();
    });
  }

  private async retry(): Promise<void> {
    const answers = await this.inTime(this.store.run([]), () => undefined);
    if (this.closed) return;
    const now = this.now();
    if (answers === undefined) return this.retryLater(now);
    this.downMs += now - this.downSince!;
    this.downSince = undefined;
    this.onChange(true);
    this.flush();
    this.onRecovery(now);
  }

  private now(): number {
    return Math.floor(this.clock.now());
  }
}
