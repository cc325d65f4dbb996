import type { Counter, Histogram, Registry } from 'prom-client';
import { counter, histogram, sampledGauge } from './metrics.ts';

/**
 * From 0.1 ms to 105 s by doubling. The buckets of controller-runtime grow tenfold from 10 ns, so they show nothing
 * between 100 ms and 1 s, where a slow queue shows. Queries for quantiles stay the same.
 */
const BUCKETS = Array.from({ length: 21 }, (_, exponent) => 2 ** exponent / 10_000);
const LABELS = ['name', 'controller'] as const;
type Label = (typeof LABELS)[number];

/** Values that the gauges read from a queue at each scrape. */
export interface QueueState {
  depth(): { high: number; low: number };
  /** For each key in work, the seconds since its work began. */
  unfinished(): number[];
}

/** The metrics of controller-runtime's workqueue for one queue. */
export class WorkQueueMetrics {
  readonly #adds: Counter<Label>;
  readonly #retries: Counter<Label>;
  readonly #waited: Histogram<Label>;
  readonly #worked: Histogram<Label>;
  readonly #labels: Record<Label, string>;

  constructor(registry: Registry, name: string, state: QueueState) {
    const labels = { name, controller: name };
    this.#labels = labels;
    this.#adds = counter(registry, {
      name: 'workqueue_adds_total',
      help: 'Keys added to the queue',
      labelNames: LABELS,
    });
    this.#retries = counter(registry, {
      name: 'workqueue_retries_total',
      help: 'Keys added with backoff',
      labelNames: LABELS,
    });
    this.#waited = histogram(registry, {
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key waits in the queue before work on it starts',
      labelNames: LABELS,
      buckets: BUCKETS,
    });
    this.#worked = histogram(registry, {
      name: 'workqueue_work_duration_seconds',
      help: 'How long work on a key takes',
      labelNames: LABELS,
      buckets: BUCKETS,
    });
    sampledGauge(registry, {
      name: 'workqueue_depth',
      help: 'Keys that wait, by priority',
      labelNames: [...LABELS, 'priority'],
    }).addSource((gauge) => {
      const { high, low } = state.depth();
      gauge.set({ ...labels, priority: 'high' }, high);
      gauge.set({ ...labels, priority: 'low' }, low);
    });
    sampledGauge(registry, {
      name: 'workqueue_unfinished_work_seconds',
      help: 'Sum of the time that keys now in work have been in work',
      labelNames: LABELS,
    }).addSource((gauge) => {
      gauge.set(
        labels,
        state.unfinished().reduce((sum, seconds) => sum + seconds, 0),
      );
    });
    sampledGauge(registry, {
      name: 'workqueue_longest_running_processor_seconds',
      help: 'How long the longest running work has been under way',
      labelNames: LABELS,
    }).addSource((gauge) => gauge.set(labels, Math.max(0, ...state.unfinished())));
    this.#adds.inc(labels, 0);
    this.#retries.inc(labels, 0);
  }

  added(): void {
    this.#adds.inc(this.#labels);
  }

  retried(): void {
    this.#retries.inc(this.#labels);
  }

  started(waitedMs: number): void {
    this.#waited.observe(this.#labels, waitedMs / 1000);
  }

  finished(workedMs: number): void {
    this.#worked.observe(this.#labels, workedMs / 1000);
  }
}
