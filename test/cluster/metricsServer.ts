import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AggregatedApi, placeOf, type Kubectl } from './aggregatedApi.ts';
import type { Cluster } from './common/cluster.ts';
import { run } from './common/command.ts';
import { metricsServerBinaries } from './local/binaries.ts';
import { Daemon } from './local/daemon.ts';
import { waitFor } from './common/step.ts';

const PORT = 14443;
const API = {
  name: 'breakwater-metrics-server',
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  port: PORT,
};
/** Longer than the 10 s between two measurements of a kubelet. */
const RESOLUTION = '12s';
const READY_TIMEOUT = 60_000;

/**
 * Starts metrics-server, which autoscaling needs, as a process on this machine. It ends by `stop` or with this
 * process. A cluster with this API keeps its own.
 */
export async function startMetricsServer(cluster: Cluster): Promise<{ stop(): Promise<void> }> {
  const kubectl = await kubectlOf(cluster);
  const api = new AggregatedApi(API, kubectl);
  await api.remove();
  if (await api.isServed()) return { stop: () => Promise.resolve() };
  const place = await placeOf(cluster, 'metrics-server');
  const directory = join(dirname(cluster.kubeconfig), 'metrics-server');
  await mkdir(directory, { recursive: true });
  const daemon = new Daemon({
    name: 'metrics-server',
    command: [
      ...place.prefix,
      join(await metricsServerBinaries(), 'metrics-server'),
      ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
        (flag) => `--${flag}=${cluster.kubeconfig}`,
      ),
      ...[`--secure-port=${PORT}`, `--bind-address=${place.address}`, `--cert-dir=${directory}`],
      ...['--kubelet-insecure-tls', '--kubelet-preferred-address-types=InternalIP'],
      ...[`--metric-resolution=${RESOLUTION}`, '--kubelet-request-timeout=5s'],
    ],
    directory,
    outlives: false,
  });
  const stop = async (): Promise<void> => {
    await api.remove();
    await daemon.stop();
  };
  try {
    await daemon.start();
    await api.announce(place.address);
    await daemon.ready(READY_TIMEOUT, () => api.isServed());
    await waitFor('no node is measured', READY_TIMEOUT, async () => {
      const nodes = await kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
      return (JSON.parse(nodes) as { items: unknown[] }).items.length > 0;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

/** Removes the remains of an interrupted run. */
export async function removeMetricsServer(kubectl: Kubectl): Promise<void> {
  await new AggregatedApi(API, kubectl).remove();
}

async function kubectlOf(cluster: Cluster): Promise<Kubectl> {
  const PATH = [...(await cluster.path()), process.env['PATH']].join(':');
  const env = { ...process.env, PATH, KUBECONFIG: cluster.kubeconfig };
  return (args, input) => run('kubectl', args, { env, ...(input !== undefined && { input }) });
}
