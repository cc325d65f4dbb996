import { PORTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, headlessServiceName, selectorLabels } from '../common/metadata.ts';
import { hasServiceMonitor, type MonitoringFacts } from './monitoring.ts';
import type { Service } from './objects.ts';

const SCRAPE = {
  'prometheus.io/scrape': 'true',
  'prometheus.io/port': String(PORTS.metrics),
  'prometheus.io/path': '/metrics',
};

/**
 * The addresses of the agent's pods one by one, for who must reach each of them: Prometheus, and pods that look for
 * their siblings. A pod is listed from its start, so that one which is not ready is measured too. While there is no
 * ServiceMonitor it carries prometheus.io annotations; on pods they would roll them whenever that changes.
 */
export function buildHeadlessService(agent: AgentDeployment, facts: MonitoringFacts): Service {
  const metadata = childMetadata(agent, headlessServiceName(agent));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: hasServiceMonitor(agent, facts) ? metadata : { ...metadata, annotations: SCRAPE },
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels(agent),
      ports: [
        { name: 'http', port: PORTS.agent, targetPort: 'agent', protocol: 'TCP' },
        { name: 'metrics', port: PORTS.metrics, targetPort: 'metrics', protocol: 'TCP' },
      ],
    },
  };
}
