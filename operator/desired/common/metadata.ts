import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { KubernetesObject, ObjectMeta, OwnerReference } from '../../../crds/meta.ts';
import { API_VERSION } from '../../../crds/meta.ts';

/** Value of app.kubernetes.io/managed-by on all objects of the operator. */
export const MANAGED_BY = 'breakwater';
/** Under which the operator applies agents' objects. */
export const FIELD_MANAGER = 'breakwater-agentdeployment';
export const AGENT_LABEL = 'breakwater.dev/agent';

/** The API server takes no longer field manager. */
const MAX_MANAGER = 128;

/**
 * Under which an installation writes status. If two installations have the same agents, this tells which the other one is.
 * @param installation namespace and name of its Lease
 */
export function statusManager(installation: string): string {
  return `breakwater:${installation}`.slice(0, MAX_MANAGER);
}

/** The part of an agent that determines names and labels. */
export type Named = Pick<AgentDeployment, 'metadata'>;

/** Labels that select an agent's pods. Never change them: a Deployment's selector is immutable. */
export function selectorLabels(agent: Named): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'breakwater-agent',
    [AGENT_LABEL]: agent.metadata.name,
  };
}

/** Labels of all objects of an agent, including its pods. */
export function labels(agent: Named): Record<string, string> {
  return {
    ...selectorLabels(agent),
    'app.kubernetes.io/instance': agent.metadata.name,
    'app.kubernetes.io/managed-by': MANAGED_BY,
  };
}

/** Metadata of an agent's object. The owner reference makes Kubernetes delete it with the agent. */
export function childMetadata(
  agent: AgentDeployment,
  name: string,
): ObjectMeta & { namespace: string } {
  return {
    name,
    namespace: agent.metadata.namespace!,
    labels: labels(agent),
    ownerReferences: [ownerReference(agent)],
  };
}

export function configMapName(agent: Named): string {
  return `${agent.metadata.name}-configuration`;
}

/** Name of the Service that lists the agent's pods one by one. */
export function headlessServiceName(agent: Named): string {
  return `${agent.metadata.name}-headless`;
}

function ownerReference(agent: AgentDeployment): OwnerReference {
  return {
    apiVersion: API_VERSION,
    kind: 'AgentDeployment',
    name: agent.metadata.name,
    uid: agent.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** An agent with this annotation, set to "true", stays as it is. */
const PAUSED_ANNOTATION = 'breakwater.dev/paused';

/** Whether the operator must leave the object unchanged. */
export function isPaused({ metadata }: KubernetesObject): boolean {
  return metadata.annotations?.[PAUSED_ANNOTATION] === 'true';
}

/** Additional pods during a rollout. */
export const MAX_SURGE = 1;
