import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration, prometheusDuration } from '../common/duration.ts';
import type { SecretKeyRef } from '../configuration/secretHeaders.ts';
import { AGENT_LABEL, childMetadata, selectorLabels } from '../common/metadata.ts';
import { hasServiceMonitor, type MonitoringFacts } from './monitoring.ts';
import type { Desired } from './objects.ts';

/** Each scrape costs a pod some milliseconds. The CRD has the same bound. */
const MIN_INTERVAL_MS = 5000;

export interface ServiceMonitor extends Desired {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'ServiceMonitor';
  spec: {
    jobLabel: string;
    targetLabels: string[];
    selector: { matchLabels: Record<string, string> };
    endpoints: {
      port: string;
      path: string;
      interval: string;
      authorization?: { type: string; credentials: SecretKeyRef };
    }[];
  };
}

/**
 * Makes Prometheus scrape each pod of the agent through the headless Service, which alone has a port named metrics. Undefined
 * if the spec turns it off or the cluster lacks the kind.
 */
export function buildServiceMonitor(
  agent: AgentDeployment,
  facts: MonitoringFacts,
): ServiceMonitor | undefined {
  if (!hasServiceMonitor(agent, facts)) return undefined;
  const { serviceMonitor, auth } = agent.spec.monitoring;
  const { interval, labels } = serviceMonitor;
  const credentials = auth?.tokenSecretRef;
  const metadata = childMetadata(agent, agent.metadata.name);
  const askedMs = parsePositiveDuration(interval, 'spec.monitoring.serviceMonitor.interval');
  // An earlier version may have stored a shorter one.
  const everyMs = Math.max(askedMs, MIN_INTERVAL_MS);
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { ...metadata, labels: { ...labels, ...metadata.labels } },
    spec: {
      jobLabel: 'app.kubernetes.io/name',
      targetLabels: [AGENT_LABEL],
      selector: { matchLabels: selectorLabels(agent) },
      endpoints: [
        {
          ...{ port: 'metrics', path: '/metrics', interval: prometheusDuration(everyMs) },
          ...(credentials && { authorization: { type: 'Bearer', credentials } }),
        },
      ],
    },
  };
}
