import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { availabilityCondition, type Availability } from '../common/availability.ts';
import type { ConditionDraft } from '../common/condition.ts';
import { list } from '../common/wording.ts';

/** Which kinds of prometheus-operator the cluster has. */
export interface MonitoringFacts {
  serviceMonitors: Availability;
  prometheusRules: Availability;
}

/** A cluster without these kinds. */
export const UNMONITORED: MonitoringFacts = {
  serviceMonitors: 'Absent',
  prometheusRules: 'Absent',
};

/** Whether the agent gets a ServiceMonitor: if the cluster has the kind and the spec does not turn it off. */
export function hasServiceMonitor({ spec }: AgentDeployment, facts: MonitoringFacts): boolean {
  return facts.serviceMonitors === 'Served' && spec.monitoring.serviceMonitor.enabled !== false;
}

/** Whether the agent gets a PrometheusRule, likewise. */
export function hasAlerts({ spec }: AgentDeployment, facts: MonitoringFacts): boolean {
  return facts.prometheusRules === 'Served' && spec.monitoring.alerts.enabled !== false;
}

/**
 * The condition Monitored: whether the cluster has the kinds for `enabled: true` in the spec. Undefined without such a field:
 * by default the objects are made only where the kinds exist.
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
  const worst = (['Absent', 'Forbidden', 'Failing', 'Unknown'] as const).find((availability) =>
    lacking.some(({ has }) => has === availability),
  );
  return availabilityCondition({ type: 'Monitored', served: 'Monitored' }, worst ?? 'Served', {
    Served: `The agent has what the spec asks for: ${list(asked.map(({ kind }) => kind))}.`,
    Absent: `${fields} needs ${kinds} of monitoring.coreos.com/v1, which this cluster does not have. Install the CRDs of prometheus-operator, or remove the field; everything else works.`,
    Forbidden: `The operator may not list ${kinds} of monitoring.coreos.com/v1, which ${fields} needs. Give it the roles of its release.`,
    Failing: `The API server does not list ${kinds} of monitoring.coreos.com/v1, which ${fields} needs, and the operator works without. Look at the operator's log and at the CRDs of prometheus-operator; everything else works.`,
    Unknown: `The operator does not know yet whether this cluster has ${kinds}.`,
  });
}
