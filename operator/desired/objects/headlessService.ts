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
 * The address of each of the agent's pods, for Prometheus and for pods that look for their siblings. It lists pods
 * from their start, so that Prometheus measures unready ones too. Without a ServiceMonitor it carries prometheus.io
 * annotations; annotations on pods would roll them at each change.
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
