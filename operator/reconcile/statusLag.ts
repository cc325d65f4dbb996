import { Histogram, type Registry } from 'prom-client';
import type { Clock, Reconcile } from '../kube/index.ts';

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

  /** A change of the status was noticed: its key was added to the queue. */
  noticed(kind: string, key: string): void {
    const id = `${kind}/${key}`;
    if (!this.#noticed.has(id)) this.#noticed.set(id, this.#clock.monotonic());
  }

  /** Wraps the reconcile of that kind's status, which must call `written` after each write. */
  measured(kind: string, reconcile: Reconcile): Reconcile {
    return async (key, signal) => {
      const id = `${kind}/${key}`;
      const since = this.#noticed.get(id);
      this.#noticed.delete(id);
      if (since !== undefined && !this.#begun.has(id)) this.#begun.set(id, since);
      const result = await reconcile(key, signal);
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
}
