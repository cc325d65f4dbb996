import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { buildAlerts, type Alert } from './alerts.ts';
import { childMetadata } from '../common/metadata.ts';
import { hasAlerts, type MonitoringFacts } from './monitoring.ts';
import type { Desired } from './objects.ts';

export interface PrometheusRule extends Desired {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PrometheusRule';
  spec: { groups: { name: string; rules: Alert[] }[] };
}

/**
 * The agent's alerts; undefined if the spec turns them off or the cluster lacks the kind.
 * @param runbooks see buildAlerts
 */
export function buildPrometheusRule(
  agent: AgentDeployment,
  facts: MonitoringFacts,
  runbooks?: string,
): PrometheusRule | undefined {
  if (!hasAlerts(agent, facts)) return undefined;
  const metadata = childMetadata(agent, agent.metadata.name);
  const { labels } = agent.spec.monitoring.alerts;
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { ...metadata, labels: { ...labels, ...metadata.labels } },
    spec: { groups: [{ name: 'breakwater-agent', rules: buildAlerts(agent, runbooks) }] },
  };
}
