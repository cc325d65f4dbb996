import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { resourcePath, type Pod } from './kube.ts';
import type { Cluster } from './cluster.ts';
import { Pods } from './resources.ts';

/** The container of an agent's pod that is the runtime. */
const CONTAINER = 'agent';

export interface LogOptions {
  /** Last lines of what there is. */
  tailLines: number;
  /** Goes on until the signal aborts or the container ends. */
  follow: boolean;
  signal: AbortSignal;
}

/** Lines of the log of a pod's runtime. */
export async function* podLog(
  { transport }: Pick<Cluster, 'transport'>,
  { metadata: { namespace, name } }: Pod,
  { tailLines, follow, signal }: LogOptions,
): AsyncGenerator<string> {
  const bytes = await transport.stream({
    method: 'GET',
    path: resourcePath(Pods, namespace, name, 'log'),
    query: { container: CONTAINER, tailLines, follow },
    signal,
  });
  yield* createInterface({ input: Readable.from(bytes) });
}
