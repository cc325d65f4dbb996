import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { availabilityCondition, type Availability } from '../common/availability.ts';
import type { ConditionDraft } from '../common/condition.ts';
import { list } from '../common/wording.ts';

/** Kinds of Prometheus' operator in the cluster. */
export interface MonitoringFacts {
  serviceMonitors: Availability;
  prometheusRules: Availability;
}

/** A cluster without these kinds. */
export const UNMONITORED: MonitoringFacts = {
  serviceMonitors: 'Absent',
  prometheusRules: 'Absent',
};

/** Whether the agent is to have a ServiceMonitor: where there can be one, unless the spec turns it off. */
export function hasServiceMonitor({ spec }: AgentDeployment, facts: MonitoringFacts): boolean {
  return facts.serviceMonitors === 'Served' && spec.monitoring.serviceMonitor.enabled !== false;
}

/** Whether the agent gets a PrometheusRule, likewise. */
export function hasAlerts({ spec }: AgentDeployment, facts: MonitoringFacts): boolean {
  return facts.prometheusRules === 'Served' && spec.monitoring.alerts.enabled !== false;
}

/**
 * Whether the cluster can satisfy `enabled: true` in the spec. Undefined if the spec asks for nothing: nobody misses
 * an object that is only made where it can be.
 */
export function monitoredCondition(
  { spec }: AgentDeployment,
  facts: MonitoringFacts,
): ConditionDraft | undefined {
  const { serviceMonitor, alerts } = spec.monitoring;
  const asked = [
    ...(serviceMonitor.enabled === true
      ? [{ kind: 'ServiceMonitor', field: 'serviceMonitor', has: facts.serviceMonitors }]
      : []),
    ...(alerts.enabled === true
      ? [{ kind: 'PrometheusRule', field: 'alerts', has: facts.prometheusRules }]
      : []),
  ];
  if (asked.length === 0) return undefined;
  const lacking = asked.filter(({ has }) => has !== 'Served');
  const kinds = list(lacking.map(({ kind }) => kind));
  const fields = list(lacking.map(({ field }) => `spec.monitoring.${field}.enabled`));
  const worst = (['Absent', 'Forbidden', 'Unknown'] as const).find((availability) =>
    lacking.some(({ has }) => has === availability),
  );
  return availabilityCondition({ type: 'Monitored', served: 'Monitored' }, worst ?? 'Served', {
    Served: `Made as asked: ${list(asked.map(({ kind }) => kind))}.`,
    Absent: `${fields} asks for what this cluster does not know: ${kinds} of monitoring.coreos.com/v1. Install the CRDs of prometheus-operator, or remove the field; everything else works.`,
    Forbidden: `The operator may not list ${kinds} of monitoring.coreos.com/v1, which ${fields} asks for. Give it the roles that it was released with.`,
    Unknown: `It is not known yet whether this cluster has ${kinds}.`,
  });
}
