import type { AgentDeployment } from '../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from './metadata.ts';
import type { Service } from './objects.ts';

const PORT = 80;

/** The agent's address: port 80, to the agent port of its ready pods. */
export function service(agent: AgentDeployment): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(agent, agent.metadata.name),
    spec: {
      type: 'ClusterIP',
      selector: selectorLabels(agent),
      ports: [{ name: 'http', port: PORT, targetPort: 'agent', protocol: 'TCP' }],
    },
  };
}

/** URL of the Service inside the cluster, whatever the cluster's domain is. */
export function serviceUrl(agent: AgentDeployment): string {
  return `http://${agent.metadata.name}.${agent.metadata.namespace}.svc`;
}
