import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from '../common/metadata.ts';
import type { Service } from './objects.ts';

const HTTP_PORT = 80;

/** The agent's address: the port that the spec asks for, to the agent port of its ready pods. */
export function buildService(agent: AgentDeployment): Service {
  const { type, port, annotations } = agent.spec.service;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...childMetadata(agent, agent.metadata.name),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      type,
      selector: selectorLabels(agent),
      ports: [{ name: 'http', port, targetPort: 'agent', protocol: 'TCP' }],
    },
  };
}

/** URL of the Service inside the cluster, whatever the cluster's domain is. */
export function serviceUrl({ metadata, spec }: AgentDeployment): string {
  const { port } = spec.service;
  return `http://${metadata.name}.${metadata.namespace}.svc${port === HTTP_PORT ? '' : `:${port}`}`;
}
