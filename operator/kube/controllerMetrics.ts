import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { counter, gauge, histogram } from './metrics.ts';

export type ReconcileResult = 'success' | 'requeue' | 'requeue_after' | 'error';

const RESULTS: ReconcileResult[] = ['success', 'requeue', 'requeue_after', 'error'];
const TIME_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** The metrics of controller-runtime for one controller. */
export class ControllerMetrics {
  readonly #controller: string;
  readonly #total: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #timeouts: Counter<'controller'>;
  readonly #time: Histogram<'controller'>;
  readonly #active: Gauge<'controller'>;

  constructor(registry: Registry, controller: string, concurrency: number) {
    const labelNames = ['controller'] as const;
    this.#controller = controller;
    this.#total = counter(registry, {
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles, by controller and result',
      labelNames: ['controller', 'result'],
    });
    this.#errors = counter(registry, {
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciles that failed',
      labelNames,
    });
    // Always 0, because every failure is retried. Dashboards for controller-runtime expect the metric.
    const terminal = counter(registry, {
      name: 'controller_runtime_terminal_reconcile_errors_total',
      help: 'Reconciles that failed and are not retried',
      labelNames,
    });
    this.#timeouts = counter(registry, {
      name: 'controller_runtime_reconcile_timeouts_total',
      help: 'Reconciles that reached their deadline',
      labelNames,
    });
    this.#time = histogram(registry, {
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Time per reconcile',
      labelNames,
      buckets: TIME_BUCKETS,
    });
    this.#active = gauge(registry, {
      name: 'controller_runtime_active_workers',
      help: 'Workers that reconcile now',
      labelNames,
    });
    gauge(registry, {
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'Reconciles that may run at a time',
      labelNames,
    }).set({ controller }, concurrency);
    for (const result of RESULTS) this.#total.inc({ controller, result }, 0);
    for (const metric of [this.#errors, terminal, this.#timeouts]) metric.inc({ controller }, 0);
    this.#active.set({ controller }, 0);
  }

  started(): void {
    this.#active.inc({ controller: this.#controller });
  }

  finished(seconds: number, result: ReconcileResult): void {
    const controller = this.#controller;
    this.#active.dec({ controller });
    this.#time.observe({ controller }, seconds);
    this.#total.inc({ controller, result });
    if (result === 'error') this.#errors.inc({ controller });
  }

  /** The controller ended during the reconcile, which counts neither as a success nor as an error. */
  interrupted(): void {
    this.#active.dec({ controller: this.#controller });
  }

  timedOut(): void {
    this.#timeouts.inc({ controller: this.#controller });
  }
}
