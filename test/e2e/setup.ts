import { removeMetricsServer } from '../cluster/metricsServer.ts';
import { Api } from '../kit/api.ts';
import { preparePlatform } from '../kit/platform.ts';
import { shareSite, SUITE_LABEL } from './site.ts';

/** Starts the cluster with this checkout's images and operator, once for all test files. */
export default async function setup(): Promise<void> {
  const { kubectl, images, cluster } = await preparePlatform(process.env);
  shareSite({ environment: kubectl.environment, images, cluster: { name: cluster.name } });
  const api = await Api.connect(kubectl);
  try {
    // Leftovers of an interrupted run would take CPU, or block the deletion of namespaces.
    await removeMetricsServer((args) => kubectl.run(args));
    const left = await api.list('namespaces', undefined, SUITE_LABEL);
    await Promise.all(
      left.map(({ metadata }) => api.remove('namespaces', undefined, metadata.name)),
    );
  } finally {
    await api.close();
  }
}
