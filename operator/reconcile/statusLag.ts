import { Histogram, type Registry } from 'prom-client';
import { WorkQueue, type Clock, type Reconcile, type WorkQueueOptions } from '../kube/index.ts';

/**
 * Measures the time from noticing a change to the write of the status that shows it. It includes the wait in the queue,
 * the reconcile and retries. Changes that lead to no write are not measured.
 */
export class StatusLag {
  readonly #clock: Clock;
  readonly #histogram: Histogram;
  /** By kind and key: when the oldest change was noticed for which no reconcile has begun. */
  readonly #noticed = new Map<string, number>();
  /** By kind and key: when the oldest change was noticed that a reconcile works on or has failed at. */
  readonly #begun = new Map<string, number>();

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    this.#histogram = new Histogram({
      name: 'breakwater_status_lag_seconds',
      help: 'Time from noticing a change to the written status that shows it.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers: [registry],
    });
  }

  /** A queue for the status of one kind. It notes when a key is added. */
  queue(kind: string, options: WorkQueueOptions): WorkQueue {
    return new NoticingQueue(options, (key) => this.#notice(`${kind}/${key}`));
  }

  /** Wraps the reconcile of that kind's status, which must call `written` after each write. */
  measured(kind: string, reconcile: Reconcile): Reconcile {
    return async (key, ...rest) => {
      const id = `${kind}/${key}`;
      const since = this.#noticed.get(id);
      this.#noticed.delete(id);
      if (since !== undefined && !this.#begun.has(id)) this.#begun.set(id, since);
      const result = await reconcile(key, ...rest);
      this.#begun.delete(id);
      return result;
    };
  }

  written(kind: string, key: string): void {
    const since = this.#begun.get(`${kind}/${key}`);
    if (since !== undefined) this.#histogram.observe((this.#clock.monotonic() - since) / 1000);
  }

  /** Forgets changes from the time in which another process led. */
  reset(): void {
    this.#noticed.clear();
    this.#begun.clear();
  }

  #notice(id: string): void {
    if (!this.#noticed.has(id)) this.#noticed.set(id, this.#clock.monotonic());
  }
}

class NoticingQueue extends WorkQueue {
  readonly #noticed: (key: string) => void;

  constructor(options: WorkQueueOptions, noticed: (key: string) => void) {
    super(options);
    this.#noticed = noticed;
  }

  override add(key: string, how?: Parameters<WorkQueue['add']>[1]): void {
    if (!this.stopped) this.#noticed(key);
    super.add(key, how);
  }
}
