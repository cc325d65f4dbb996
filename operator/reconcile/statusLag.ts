import { Histogram, type Registry } from 'prom-client';
import { WorkQueue, type Clock, type Reconcile, type WorkQueueOptions } from '../kube/index.ts';

/**
 * Measures how long after a change was noticed the status that shows it is written: waiting in the queue, reconciling
 * and retries included. What leads to no write is not measured.
 */
export class StatusLag {
  readonly #clock: Clock;
  readonly #histogram: Histogram;
  /** When the oldest change was noticed that no reconcile has begun to look at; by kind and key. */
  readonly #noticed = new Map<string, number>();
  /** The same, of those that a reconcile looks at or has failed at. */
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

  /** A queue of keys of one kind whose status may have to be written. */
  queue(kind: string, options: WorkQueueOptions): WorkQueue {
    return new NoticingQueue(options, (key) => this.#notice(`${kind}/${key}`));
  }

  /** The reconcile of that kind's status, measured; it says by `written` what it wrote. */
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

  /** The status of an object was written. */
  written(kind: string, key: string): void {
    const since = this.#begun.get(`${kind}/${key}`);
    if (since !== undefined) this.#histogram.observe((this.#clock.monotonic() - since) / 1000);
  }

  /** Forgets what was noticed while somebody else led. */
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
