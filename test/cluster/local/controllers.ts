import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from './apiserver.ts';
import { dnsBinaries } from './binaries.ts';
import { Daemon } from './daemon.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Layout } from './layout.ts';
import { CLUSTER_RANGE, enter, NODE_ADDRESS, SERVICE_RANGE } from './network.ts';
import { answers, hostResolver } from './node.ts';

const READY_TIMEOUT = 30_000;

/** Starts kube-controller-manager and kube-scheduler. */
export async function startControllers(
  layout: Layout,
  controlPlane: ControlPlane,
  binaries: string,
): Promise<void> {
  const { authority, serviceAccountKey } = controlPlane;
  const start = async (name: string, args: string[]): Promise<void> => {
    const kubeconfig = await writeKubeconfig(join(layout.state, `${name}.kubeconfig`), {
      name,
      url: controlPlane.url,
      authority: authority.files.certificate,
      client: await authority.issue(name, { commonName: `system:${name}` }),
    });
    const daemon = new Daemon({
      name,
      command: [
        ...[...enter(), join(binaries, name), `--kubeconfig=${kubeconfig}`],
        ...[
          `--authentication-kubeconfig=${kubeconfig}`,
          `--authorization-kubeconfig=${kubeconfig}`,
        ],
        // Only one of each runs, so a restart need not wait for a Lease.
        ...['--leader-elect=false', '--bind-address=127.0.0.1'],
        // The default of 20 requests a second would lengthen the start to 4 s.
        ...['--kube-api-qps=300', '--kube-api-burst=400', ...args],
      ],
      directory: join(layout.state, 'logs'),
      outlives: true,
    });
    await daemon.start();
  };
  await start('kube-scheduler', [`--cert-dir=${join(layout.state, 'pki')}`]);
  await start('kube-controller-manager', [
    `--cert-dir=${join(layout.state, 'pki')}`,
    `--root-ca-file=${authority.files.certificate}`,
    `--cluster-signing-cert-file=${authority.files.certificate}`,
    `--cluster-signing-key-file=${authority.files.key}`,
    `--service-account-private-key-file=${serviceAccountKey}`,
    '--use-service-account-credentials=true',
    '--allocate-node-cidrs=true',
    `--cluster-cidr=${CLUSTER_RANGE}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
  ]);
}

/** Starts CoreDNS on the node's address. */
export async function startDns(layout: Layout, controlPlane: ControlPlane): Promise<void> {
  const directory = join(layout.state, 'dns');
  await mkdir(directory, { recursive: true });
  const kubeconfig = await writeKubeconfig(join(directory, 'kubeconfig'), {
    name: 'coredns',
    url: controlPlane.url,
    authority: controlPlane.authority.files.certificate,
    client: await controlPlane.authority.issue('coredns', {
      commonName: 'coredns',
      organization: 'system:masters',
    }),
  });
  const resolver = await hostResolver();
  const configuration = `.:53 {
  bind ${NODE_ADDRESS}
  errors
  ready ${NODE_ADDRESS}:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    ttl 5
  }
${resolver === undefined ? '' : `  forward . ${resolver}\n`}  cache 5
}
`;
  const file = join(directory, 'Corefile');
  await writeFile(file, configuration);
  const daemon = new Daemon({
    name: 'coredns',
    command: [...enter(), join(await dnsBinaries(), 'coredns'), '-conf', file],
    directory: join(layout.state, 'logs'),
    configuration,
    outlives: true,
  });
  await daemon.start();
  await daemon.ready(READY_TIMEOUT, () => answers(`http://${NODE_ADDRESS}:8181/ready`));
}
