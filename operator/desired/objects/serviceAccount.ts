import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata } from '../common/metadata.ts';
import type { ServiceAccount } from './objects.ts';

/** The identity of the agent's pods. It has no role: pods only prove their identity with it. */
export function buildServiceAccount(agent: AgentDeployment): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: childMetadata(agent, agent.metadata.name),
    automountServiceAccountToken: false,
  };
}
