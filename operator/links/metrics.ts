import { Gauge, Histogram, type Registry } from 'prom-client';
import type { PersistentLinkState } from './persistentLink.ts';

const STATES: readonly PersistentLinkState[] = [
  'Connecting',
  'Authenticating',
  'Connected',
  'Waiting',
  'Incompatible',
  'Excessive',
];

/** Registers the metrics of links. @returns the histogram of the time from push to enforcement */
export function registerMetrics(
  registry: Registry,
  states: () => Iterable<PersistentLinkState>,
): Histogram<string> {
  new Gauge({
    name: 'breakwater_links',
    help: 'Links to pods, by state. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of STATES) this.set({ state: state.toLowerCase() }, 0);
      for (const state of states()) this.inc({ state: state.toLowerCase() });
    },
  });
  return new Histogram({
    name: 'breakwater_policy_propagation_seconds',
    help: 'Time from sending a pod a configuration to its report that it is in force.',
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
}
