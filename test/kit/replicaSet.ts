import type { KubernetesObject, ObjectMeta } from '../../crds/meta.ts';
import { waitFor } from '../cluster/common/step.ts';

/** The methods of a client that are needed here. */
export interface Requests {
  request<T>(
    method: string,
    path: string,
    options?: { body?: unknown },
  ): Promise<{ status: number; body: T }>;
}

const WAIT_MS = 60_000;

/**
 * Creates a ReplicaSet of an agent's Deployment, for clusters without the Deployment controller.
 *
 * @returns labels and owner that make a pod a replica of the agent
 */
export async function replicaSetOf(
  server: Requests,
  namespace: string,
  agent: string,
): Promise<Required<Pick<ObjectMeta, 'labels' | 'ownerReferences'>>> {
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  let deployment: KubernetesObject | undefined;
  await waitFor(`${agent} has a Deployment`, WAIT_MS, async () => {
    const { status, body } = await server.request<KubernetesObject>(
      'GET',
      `${apps}/deployments/${agent}`,
    );
    deployment = status === 200 ? body : undefined;
    return deployment !== undefined;
  });
  const labels = {
    'app.kubernetes.io/managed-by': 'breakwater',
    'breakwater.dev/agent': agent,
  };
  const name = `${agent}-1`;
  const container = { name: 'agent', image: 'runtime:1' };
  const made = await server.request<KubernetesObject>('POST', `${apps}/replicasets`, {
    body: {
      metadata: { name, labels, ownerReferences: [owner(deployment!, 'Deployment')] },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
  });
  const { body: replicaSet } =
    made.status === 201
      ? made
      : await server.request<KubernetesObject>('GET', `${apps}/replicasets/${name}`);
  return { labels, ownerReferences: [owner(replicaSet, 'ReplicaSet')] };
}

function owner(
  { metadata: { name, uid } }: KubernetesObject,
  kind: string,
): NonNullable<ObjectMeta['ownerReferences']>[number] {
  return { apiVersion: 'apps/v1', kind, name, uid: uid!, controller: true };
}
