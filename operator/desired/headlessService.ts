import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from './metadata.ts';
import type { Service } from './objects.ts';

/** Name of the headless Service. */
export function headlessServiceName(agent: AgentDeployment): string {
  return `${agent.metadata.name}-headless`;
}

/**
 * The addresses of the agent's pods one by one, for who must reach each of them: Prometheus, and pods that look for
 * their siblings. A pod is listed from its start, so that one which is not ready is measured too.
 */
export function headlessService(agent: AgentDeployment): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(agent, headlessServiceName(agent)),
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
