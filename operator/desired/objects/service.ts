import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from '../common/metadata.ts';
import type { Service } from './objects.ts';

const HTTP_PORT = 80;

/** The Service of the agent: from the spec's port to the agent port of ready pods. */
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

/** URL of the Service inside the cluster. It works with any cluster domain. */
export function serviceUrl({ metadata, spec }: AgentDeployment): string {
  const { port } = spec.service;
  return `http://${metadata.name}.${metadata.namespace}.svc${port === HTTP_PORT ? '' : `:${port}`}`;
}
