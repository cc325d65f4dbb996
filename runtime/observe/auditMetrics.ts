import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Counts of the audit since the process began. */
export interface ShownAudit {
  /** By type. */
  events: Readonly<Record<string, number>>;
  sinks: readonly { name: string; queuedBytes: number; dropped: number; failing: boolean }[];
}

/** Metrics of the audit, filled at each scrape. */
export function auditMetrics(registry: Registry, stats: () => ShownAudit): void {
  const registers = [registry];
  new Counter({
    name: 'audit_events_total',
    help: 'Events of the audit, by type.',
    labelNames: ['type'],
    registers,
    collect() {
      this.reset();
      for (const [type, count] of Object.entries(stats().events)) {
        if (count > 0) this.inc({ type }, count);
      }
    },
  });
  new Counter({
    name: 'audit_dropped_total',
    help: 'Events of the audit that a sink did not keep, because its queue was full.',
    labelNames: ['sink'],
    registers,
    collect() {
      this.reset();
      for (const { name: sink, dropped } of stats().sinks) this.inc({ sink }, dropped);
    },
  });
  new Gauge({
    name: 'audit_queue_bytes',
    help: 'Events of the audit that a sink has yet to keep, in bytes.',
    labelNames: ['sink'],
    registers,
    collect() {
      this.reset();
      for (const { name: sink, queuedBytes } of stats().sinks) this.set({ sink }, queuedBytes);
    },
  });
  new Gauge({
    name: 'audit_sink_up',
    help: '1 while the destination of a sink takes events of the audit, else 0.',
    labelNames: ['sink'],
    registers,
    collect() {
      this.reset();
      for (const { name: sink, failing } of stats().sinks) this.set({ sink }, failing ? 0 : 1);
    },
  });
}
