import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { resourcePath, type Pod } from './kube.ts';
import type { Cluster } from './cluster.ts';
import { Pods } from './resources.ts';

/** Container of the runtime in an agent's pod. */
const CONTAINER = 'agent';

export interface LogOptions {
  /** Number of last lines; absent: all. */
  tailLines?: number;
  /** Only lines of so many last seconds; absent: of all time. */
  sinceSeconds?: number;
  /** Continues until the signal aborts or the container ends. */
  follow: boolean;
  signal: AbortSignal;
}

/** Lines of the log of a pod's runtime. */
export async function* podLog(
  { transport }: Pick<Cluster, 'transport'>,
  { metadata: { namespace, name } }: Pod,
  { tailLines, sinceSeconds, follow, signal }: LogOptions,
): AsyncGenerator<string> {
  const bytes = await transport.stream({
    method: 'GET',
    path: resourcePath(Pods, namespace, name, 'log'),
    query: {
      container: CONTAINER,
      ...(tailLines !== undefined && { tailLines }),
      ...(sinceSeconds !== undefined && { sinceSeconds }),
      follow,
    },
    signal,
  });
  yield* createInterface({ input: Readable.from(bytes) });
}
