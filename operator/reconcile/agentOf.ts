import { AGENT_LABEL } from '../desired/common/metadata.ts';
import { splitKey, type KubernetesObject } from '../kube/index.ts';

/** Index of pods and of the objects made for agents: by `namespace/agent`. */
export const BY_AGENT = 'agent';

/** The two parts of a key of a namespaced object. */
export function namesOf(key: string): { namespace: string; name: string } {
  const { namespace = '', name } = splitKey(key);
  return { namespace, name };
}

/** The agent that an object was made for, by its label, as `namespace/agent`. */
export function agentKeyOfChild({ metadata }: KubernetesObject): string | undefined {
  const agent = metadata.labels?.[AGENT_LABEL];
  return agent === undefined ? undefined : `${metadata.namespace}/${agent}`;
}
