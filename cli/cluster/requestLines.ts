import { linesOfRequest, type PodLine } from '../view/requestLog.ts';
import type { Cluster } from './cluster.ts';
import type { Pod } from './kube.ts';
import { podLog, type LogOptions } from './podLog.ts';

/** The lines about one request in the logs of the pods, in the order of their times. */
export async function requestLines(
  cluster: Pick<Cluster, 'transport'>,
  pods: readonly Pod[],
  id: string,
  options: Omit<LogOptions, 'follow'>,
): Promise<PodLine[]> {
  const all = await Promise.all(
    pods.map(async (pod) => {
      const lines: PodLine[] = [];
      for await (const line of podLog(cluster, pod, { ...options, follow: false })) {
        lines.push({ pod: pod.metadata.name, line });
      }
      return lines;
    }),
  );
  return linesOfRequest(all.flat(), id);
}
