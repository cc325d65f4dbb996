import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

type ByLevel = Readonly<Record<string, number>>;

export interface ShownIncidents {
  /** By type and level, since the process began. */
  readonly counts: Readonly<Record<string, ByLevel>>;
  openByLevel(): ByLevel;
}

/** Metrics of incidents, filled at each scrape. */
export function incidentMetrics(registry: Registry, incidents: ShownIncidents): void {
  const registers = [registry];
  new Counter({
    name: 'security_incidents_total',
    help: 'Security incidents, by type and threat level. One whose level rises counts at each level that it reaches.',
    labelNames: ['type', 'level'],
    registers,
    collect() {
      this.reset();
      for (const [type, levels] of Object.entries(incidents.counts)) {
        for (const [level, count] of Object.entries(levels)) {
          // Includes zero: increase() misses a series that begins with one.
          this.inc({ type, level }, count);
        }
      }
    },
  });
  new Gauge({
    name: 'security_incidents_open',
    help: 'Security incidents that are open, by threat level.',
    labelNames: ['level'],
    registers,
    collect() {
      for (const [level, count] of Object.entries(incidents.openByLevel())) {
        this.set({ level }, count);
      }
    },
  });
}

/** Metric of held clients and addresses, filled at each scrape. */
export function responseMetrics(
  registry: Registry,
  responses: { byAction(): Readonly<Record<string, number>> },
): void {
  new Gauge({
    name: 'security_responses_in_force',
    help: 'Clients and addresses that security.responses throttles or blocks, by action.',
    labelNames: ['action'],
    registers: [registry],
    collect() {
      for (const [action, count] of Object.entries(responses.byAction())) {
        this.set({ action }, count);
      }
    },
  });
}
