import { randomUUID } from 'node:crypto';
import type { Pod } from './agents.ts';
import type { Api } from './api.ts';
import { waitFor } from './wait.ts';

/** What `kill` needs. */
export interface Killer {
  api: Api;
  images: { simulator: string };
}

/**
 * Kills the process of a container by SIGKILL, as the kernel does when memory runs out. No process in a pod can kill its first
 * process, so a privileged pod on the same node does.
 *
 * @returns the time by the node's clock, in milliseconds since 1970
 */
export async function killContainer(killer: Killer, pod: Pod, container: string): Promise<number> {
  const { api, images } = killer;
  const { name } = pod.metadata;
  const before = pod.status?.containerStatuses?.find((status) => status.name === container);
  const id = before?.containerID?.replace(/^.*:\/\//, '');
  if (id === undefined) throw new Error(`pod ${name} has no running container ${container}`);
  const executioner = `kill-${randomUUID().slice(0, 13)}`;
  await api.request('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: executioner },
    spec: {
      hostPID: true,
      restartPolicy: 'Never',
      nodeName: pod.spec.nodeName,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'kill',
          image: images.simulator,
          imagePullPolicy: 'IfNotPresent',
          args: ['kill', id],
          securityContext: { privileged: true, runAsUser: 0, runAsNonRoot: false },
        },
      ],
    },
  });
  try {
    await waitFor(
      `the process of container ${container} of pod ${name} is killed`,
      () => api.get<Pod>('pods', 'default', executioner),
      ({ status }) => status?.phase === 'Succeeded',
      { everyMs: 50, timeoutMs: 90_000 },
    );
    const log = `/api/v1/namespaces/default/pods/${executioner}/log`;
    return await api.request<number>('GET', log);
  } finally {
    await api.remove('pods', 'default', executioner, { gracePeriodSeconds: 0 });
  }
}
