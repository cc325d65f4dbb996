import type { Pod } from './kube.ts';
import { AGENT_LABEL, byName } from '../view/world.ts';
import { RETRIES, type Cluster } from './cluster.ts';
import { Pods } from './resources.ts';

/**
 * The pod of that name, or all pods of the agent of that name, in the order of their names.
 * @throws Error when there is none.
 */
export async function findPods({ client, namespace }: Cluster, text: string): Promise<Pod[]> {
  const name = text.split('/').at(-1)!;
  const options = { namespace, labelSelector: AGENT_LABEL, retries: RETRIES };
  const pods = await client.list(Pods, options);
  const found = pods.filter(
    ({ metadata }) => metadata.name === name || metadata.labels?.[AGENT_LABEL] === name,
  );
  if (found.length > 0) return found.sort(byName);
  throw new Error(`There is no agent with pods, and no pod of an agent, ${name} in ${namespace}.`);
}
