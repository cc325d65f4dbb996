import { parsePositiveDuration } from '../common/duration.ts';
import type { PodChoices } from './podChoices.ts';

/** Health probes of the runtime's container, on a port that opens before the agent's own. */
export interface Probes {
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
}

export interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  timeoutSeconds: number;
  failureThreshold: number;
}

type Checks = PodChoices['probes'];

/** No probe has an initial delay: liveness and readiness wait for the startup probe. */
export function buildProbes({ probes }: Pick<PodChoices, 'probes'>): Probes {
  const probe = (check: keyof Checks, path: string): Probe => {
    const { period, timeout, failureThreshold } = probes[check];
    return {
      httpGet: { path, port: 'metrics' },
      periodSeconds: seconds(period, `spec.probes.${check}.period`),
      timeoutSeconds: seconds(timeout, `spec.probes.${check}.timeout`),
      failureThreshold,
    };
  };
  return {
    startupProbe: probe('startup', '/health'),
    livenessProbe: probe('liveness', '/health/live'),
    readinessProbe: probe('readiness', '/health/ready'),
  };
}

/** The kubelet counts in whole seconds. */
function seconds(text: string, field: string): number {
  return Math.ceil(parsePositiveDuration(text, field) / 1000);
}
