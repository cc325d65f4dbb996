import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

interface Definition<L extends string> {
  name: string;
  help: string;
  labelNames: readonly L[];
}

// All queues and controllers of a process share metrics and differ by a label. The first one registers the metric.

export function counter<L extends string>(
  registry: Registry,
  definition: Definition<L>,
): Counter<L> {
  const known = registry.getSingleMetric(definition.name) as Counter<L> | undefined;
  return known ?? new Counter({ ...definition, registers: [registry] });
}

export function gauge<L extends string>(registry: Registry, definition: Definition<L>): Gauge<L> {
  const known = registry.getSingleMetric(definition.name) as Gauge<L> | undefined;
  return known ?? new Gauge({ ...definition, registers: [registry] });
}

export function histogram<L extends string>(
  registry: Registry,
  definition: Definition<L> & { buckets: number[] },
): Histogram<L> {
  const known = registry.getSingleMetric(definition.name) as Histogram<L> | undefined;
  return known ?? new Histogram({ ...definition, registers: [registry] });
}

/** A gauge that reads all its sources at each scrape. */
export class SampledGauge<L extends string> extends Gauge<L> {
  readonly #sources: ((gauge: Gauge<L>) => void)[];

  constructor(registry: Registry, definition: Definition<L>) {
    const sources: ((gauge: Gauge<L>) => void)[] = [];
    super({
      ...definition,
      registers: [registry],
      collect() {
        for (const source of sources) source(this);
      },
    });
    this.#sources = sources;
  }

  addSource(source: (gauge: Gauge<L>) => void): void {
    this.#sources.push(source);
  }
}

export function sampledGauge<L extends string>(
  registry: Registry,
  definition: Definition<L>,
): SampledGauge<L> {
  const known = registry.getSingleMetric(definition.name) as SampledGauge<L> | undefined;
  return known ?? new SampledGauge(registry, definition);
}
