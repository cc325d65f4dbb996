import { Registry } from 'prom-client';
import {
  ApiError,
  ConnectionError,
  isForbidden,
  isNotFound,
  KubeClient,
  loadClusterConfig,
  Transport,
  type ClusterConfig,
} from './kube.ts';
import type { Call } from '../terminal/command.ts';

/** The cluster of a command line. */
export interface Cluster {
  client: KubeClient;
  /** For answers that are not JSON, such as logs. */
  transport: Transport;
  config: ClusterConfig;
  /** Absent: all namespaces. */
  namespace?: string;
  close(): Promise<void>;
}

/** Names the namespaces in a message. */
export function placeOf({ namespace }: Pick<Cluster, 'namespace'>): string {
  return namespace === undefined ? 'any namespace' : `namespace ${namespace}`;
}

/** Few retries, because a person waits. */
export const RETRIES = 1;

/**
 * Finds the cluster as kubectl does: --kubeconfig, KUBECONFIG, ~/.kube/config, or the pod's service account.
 * @throws Error that says what to set.
 */
export async function openCluster({ values, context }: Call): Promise<Cluster> {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const config = await loadClusterConfig({
    env: context.environment,
    kubeconfig: text('kubeconfig') ?? (context.environment['KUBECONFIG'] || undefined),
    context: text('context'),
  });
  const transport = new Transport({
    config,
    registry: new Registry(),
    userAgent: 'kubectl-breakwater',
  });
  const namespace = values['all-namespaces'] ? undefined : (text('namespace') ?? config.namespace);
  return {
    client: new KubeClient(transport),
    transport,
    config,
    ...(namespace !== undefined && { namespace }),
    close: () => transport.close(),
  };
}

/** Runs `run` with the cluster and closes it. Turns failures of the API into messages that say what to do. */
export async function withCluster<R>(
  call: Call,
  run: (cluster: Cluster) => Promise<R>,
): Promise<R> {
  const cluster = await openCluster(call);
  try {
    return await run(cluster);
  } catch (error) {
    throw explained(error, cluster.config.server);
  } finally {
    await cluster.close();
  }
}

function explained(error: unknown, server: string): unknown {
  if (error instanceof ConnectionError) {
    return new Error(
      `${error.message}. Is ${server} the right cluster? Choose it with --context.`,
      {
        cause: error,
      },
    );
  }
  if (error instanceof ApiError && error.status === 401) {
    return new Error(`${server} does not accept the credentials of the kubeconfig.`, {
      cause: error,
    });
  }
  if (isForbidden(error)) {
    return new Error(
      `${(error as Error).message}. Ask for the cluster role view, or edit to change things; both include the kinds of Breakwater.`,
      {
        cause: error,
      },
    );
  }
  if (isNotFound(error)) {
    return new Error(
      `${(error as Error).message}. If the cluster lacks the definitions, install Breakwater: docs/install.md.`,
      { cause: error },
    );
  }
  return error;
}
