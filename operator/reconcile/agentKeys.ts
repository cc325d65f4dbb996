import { AGENT_LABEL } from '../desired/common/metadata.ts';
import { splitKey, type KubernetesObject } from '../kube/index.ts';

/** Name of the index of pods and agents' objects by the key of their agent. */
export const BY_AGENT = 'agent';

/** Splits the key of a namespaced object. */
export function namesOf(key: string): { namespace: string; name: string } {
  const { namespace = '', name } = splitKey(key);
  return { namespace, name };
}

/** Key of the agent that an object's label names; undefined without the label. */
export function agentKeyOfChild({ metadata }: KubernetesObject): string | undefined {
  const agent = metadata.labels?.[AGENT_LABEL];
  return agent === undefined ? undefined : `${metadata.namespace}/${agent}`;
}
