import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ControlPlane } from './apiserver.ts';
import { ensureCgroup } from './cgroup.ts';
import { Daemon } from './daemon.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Layout } from './layout.ts';
import { CGROUP, NODE_NAME } from './layout.ts';
import { bridgeCallsIptables, CLUSTER_RANGE, enter, NODE_ADDRESS } from './network.ts';

const READY_TIMEOUT = 30_000;

interface NodeOptions {
  layout: Layout;
  controlPlane: ControlPlane;
  /** Directory of kubelet and kube-proxy. */
  binaries: string;
}

/** Starts the kubelet and kube-proxy. */
export async function startNode(options: NodeOptions): Promise<void> {
  await ensureCgroup(CGROUP);
  await Promise.all([startKubelet(options), startProxy(options)]);
}

/** File with the host's DNS servers for processes that cannot reach its loopback. Undefined if it has none. */
export async function hostResolver(): Promise<string | undefined> {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    if (!existsSync(file)) continue;
    const servers = (await readFile(file, 'utf8')).match(/^nameserver\s+\S+/gm) ?? [];
    if (servers.some((line) => !/\s(127\.|::1)/.test(line))) return file;
  }
  return undefined;
}

async function startKubelet({ layout, controlPlane, binaries }: NodeOptions): Promise<void> {
  const { authority } = controlPlane;
  const directory = join(layout.state, 'kubelet');
  await mkdir(directory, { recursive: true });
  const serving = await authority.issue('kubelet-serving', {
    commonName: NODE_NAME,
    names: [NODE_NAME, NODE_ADDRESS],
  });
  const client = await authority.issue('kubelet', {
    commonName: `system:node:${NODE_NAME}`,
    organization: 'system:nodes',
  });
  const kubeconfig = await writeKubeconfig(join(layout.state, 'kubelet.kubeconfig'), {
    name: 'kubelet',
    url: controlPlane.url,
    authority: authority.files.certificate,
    client,
  });
  const configuration = stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_ADDRESS,
    healthzBindAddress: NODE_ADDRESS,
    containerRuntimeEndpoint: `unix://${layout.socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}`,
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    clusterDomain: 'cluster.local',
    clusterDNS: [NODE_ADDRESS],
    resolvConf: (await hostResolver()) ?? '',
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
    },
    serializeImagePulls: false,
    // Mounted Secrets and ConfigMaps follow changes within 1.5 times this. With the default it would be 1.5 minutes.
    syncFrequency: '10s',
    podLogsDir: join(layout.state, 'pods'),
    volumePluginDir: join(directory, 'volume-plugins'),
    tlsCertFile: serving.certificate,
    tlsPrivateKeyFile: serving.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority.files.certificate },
    },
    authorization: { mode: 'Webhook' },
  });
  const file = join(layout.state, 'kubelet.yaml');
  await writeFile(file, configuration);
  const daemon = new Daemon({
    name: 'kubelet',
    command: [
      ...[...enter(), join(binaries, 'kubelet'), `--config=${file}`, `--kubeconfig=${kubeconfig}`],
      ...[
        `--root-dir=${directory}`,
        `--hostname-override=${NODE_NAME}`,
        `--node-ip=${NODE_ADDRESS}`,
      ],
    ],
    directory: join(layout.state, 'logs'),
    configuration,
    outlives: true,
  });
  await daemon.start();
  await daemon.ready(READY_TIMEOUT, () => answers(`http://${NODE_ADDRESS}:10248/healthz`));
}

async function startProxy({ layout, controlPlane, binaries }: NodeOptions): Promise<void> {
  const { authority } = controlPlane;
  const kubeconfig = await writeKubeconfig(join(layout.state, 'kube-proxy.kubeconfig'), {
    name: 'kube-proxy',
    url: controlPlane.url,
    authority: authority.files.certificate,
    client: await authority.issue('kube-proxy', { commonName: 'system:kube-proxy' }),
  });
  const configuration = stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig },
    clusterCIDR: CLUSTER_RANGE,
    hostnameOverride: NODE_NAME,
    healthzBindAddress: `${NODE_ADDRESS}:10256`,
    metricsBindAddress: `${NODE_ADDRESS}:10249`,
    conntrack: { maxPerCore: 0, min: 0 },
    iptables: { masqueradeAll: !(await bridgeCallsIptables()) },
  });
  const file = join(layout.state, 'kube-proxy.yaml');
  // kube-proxy ends when somebody writes its file, even with the same content.
  const present = existsSync(file) ? await readFile(file, 'utf8') : undefined;
  if (present !== configuration) await writeFile(file, configuration);
  const daemon = new Daemon({
    name: 'kube-proxy',
    command: [...enter(), join(binaries, 'kube-proxy'), `--config=${file}`],
    directory: join(layout.state, 'logs'),
    configuration,
    outlives: true,
  });
  await daemon.start();
  await daemon.ready(READY_TIMEOUT, () => answers(`http://${NODE_ADDRESS}:10256/livez`));
}

/** Whether a GET succeeds. */
export async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
}
