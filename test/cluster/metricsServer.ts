import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cluster } from './common/cluster.ts';
import { run } from './common/command.ts';
import { metricsServerBinaries } from './local/binaries.ts';
import { Daemon } from './local/daemon.ts';
import { enter, NODE_ADDRESS } from './local/network.ts';
import { waitFor } from './common/step.ts';

const NAME = 'breakwater-metrics-server';
const API = 'v1beta1.metrics.k8s.io';
const LABEL = 'breakwater.dev/test';
const PORT = 14443;
/** Above the 10 s at which kubelets measure. */
const RESOLUTION = '12s';
const READY_TIMEOUT = 60_000;

type Kubectl = (args: string[], input?: string) => Promise<string>;

/**
 * Gives the cluster the API of metrics-server, which autoscaling needs, until `stop` is called or this process ends: a
 * process on this machine, at an address that the API server reaches. A cluster that has the API keeps its own.
 */
export async function startMetricsServer(cluster: Cluster): Promise<{ stop(): Promise<void> }> {
  const kubectl = await kubectlOf(cluster);
  await removeMetricsServer(kubectl);
  if (await isServed(kubectl)) return { stop: () => Promise.resolve() };
  const place = await placeOf(cluster);
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
    await removeMetricsServer(kubectl);
    await daemon.stop();
  };
  try {
    await daemon.start();
    await kubectl(['apply', '-f', '-'], JSON.stringify(objects(place.address)));
    await daemon.ready(READY_TIMEOUT, () => isServed(kubectl));
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

/** Removes what an interrupted run left: while an API is announced that nobody serves, no namespace can go. */
export async function removeMetricsServer(kubectl: Kubectl): Promise<void> {
  const what = ['apiservices,services,endpointslices', '--namespace', 'kube-system'];
  await kubectl(['delete', ...what, '--selector', `${LABEL}=${NAME}`, '--ignore-not-found']);
}

async function kubectlOf(cluster: Cluster): Promise<Kubectl> {
  const PATH = [...(await cluster.path()), process.env['PATH']].join(':');
  const env = { ...process.env, PATH, KUBECONFIG: cluster.kubeconfig };
  return (args, input) => run('kubectl', args, { env, ...(input !== undefined && { input }) });
}

async function isServed(kubectl: Kubectl): Promise<boolean> {
  const available = '.status.conditions[?(@.type=="Available")].status';
  const jsonpath = `jsonpath={${available}}`;
  return (
    (await kubectl(['get', 'apiservice', API, '--ignore-not-found', '-o', jsonpath])) === 'True'
  );
}

/** Where the process runs, and under which address the cluster finds it. */
async function placeOf(cluster: Cluster): Promise<{ prefix: string[]; address: string }> {
  if (cluster.name === 'local') return { prefix: enter(), address: NODE_ADDRESS };
  if (cluster.name === 'kind') return { prefix: [], address: await gatewayOfKind() };
  throw new Error(`the cluster has no ${API}: install metrics-server in it`);
}

/** This machine's address on the network of kind's nodes. */
async function gatewayOfKind(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
  const gateways = (await run('docker', ['network', 'inspect', 'kind', '--format', format])).split(
    ' ',
  );
  const address = gateways.find((gateway) => /^\d+(\.\d+){3}$/.test(gateway));
  if (address === undefined) throw new Error("Docker's network kind has no IPv4 gateway");
  return address;
}

function objects(address: string): object {
  const metadata = { name: NAME, namespace: 'kube-system', labels: { [LABEL]: NAME } };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { ports: [{ name: 'https', port: 443, targetPort: PORT }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          ...metadata,
          labels: { ...metadata.labels, 'kubernetes.io/service-name': NAME },
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: [{ name: 'https', port: PORT, protocol: 'TCP' }],
      },
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: API, labels: { [LABEL]: NAME } },
        spec: {
          group: 'metrics.k8s.io',
          version: 'v1beta1',
          service: { name: NAME, namespace: 'kube-system' },
          insecureSkipTLSVerify: true,
          groupPriorityMinimum: 100,
          versionPriority: 100,
        },
      },
    ],
  };
}
