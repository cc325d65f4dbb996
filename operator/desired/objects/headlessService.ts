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
 * The headless Service with the addresses of all pods, for Prometheus and for sibling pods. It also lists unready pods, so
 * that Prometheus scrapes them. Without a ServiceMonitor it has the prometheus.io annotations. On pods, a change of these
 * would cause a rollout.
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
