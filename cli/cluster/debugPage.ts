import { MOUNTS, PORTS } from '../../contract/link.ts';
import { configMapName } from '../../operator/desired/common/metadata.ts';
import { AGENT_LABEL } from '../view/world.ts';
import { RETRIES, type Cluster } from './cluster.ts';
import type { Pod, PodPort } from './kube.ts';
import { podPage } from './podPage.ts';
import { ConfigMaps } from './resources.ts';

/** The debug port of a pod. */
export function debugPort({ metadata: { namespace = '', name } }: Pod): PodPort {
  return { namespace, name, port: PORTS.debug };
}

/**
 * The header that a pod's debug pages ask for; undefined in pods without a program, where they ask for none. Its token is in the
 * ConfigMap of the agent: this needs `get` on configmaps.
 */
export async function debugAuthorization(
  { client }: Pick<Cluster, 'client'>,
  { metadata, spec }: Pod,
): Promise<string | undefined> {
  const agent = metadata.labels?.[AGENT_LABEL];
  if (agent === undefined || !spec.initContainers?.some(({ name }) => name === 'agent'))
    return undefined;
  const { namespace = '' } = metadata;
  const name = configMapName({ metadata: { namespace, name: agent } });
  const map = await client.get(ConfigMaps, namespace, name, { retries: RETRIES });
  const token = map?.data?.[MOUNTS.programTokenKey];
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** Reads pages of a pod's debug port. Each rejects if the pod does not answer 200 within ten seconds. */
export function debugPages(
  cluster: Pick<Cluster, 'client' | 'config'>,
  pod: Pod,
): (path: string) => Promise<string> {
  const authorization = debugAuthorization(cluster, pod);
  // Each page reports the failure.
  authorization.catch(() => undefined);
  return async (path) => {
    const shown = await authorization;
    const headers: Record<string, string> = shown === undefined ? {} : { authorization: shown };
    return podPage(cluster.config, debugPort(pod), path, headers);
  };
}
