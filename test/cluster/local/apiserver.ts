import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { kubernetesBinaries } from './binaries.ts';
import { CertificateAuthority, signingKeys } from './certificates.ts';
import type { KeyPairFiles } from './certificates.ts';
import { Daemon } from './daemon.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { freePort } from '../common/freePort.ts';

export interface ControlPlaneOptions {
  /** Directory for data, certificates, logs and the kubeconfig. A later start in the same directory continues with its data. */
  directory: string;
  /** Address of the API server. Default: 127.0.0.1. */
  address?: string;
  /** Default: a free port. */
  port?: number;
  /** Ports of etcd, which only the API server uses. Default: free ports. */
  etcdPorts?: readonly [client: number, peer: number];
  /** Further arguments of kube-apiserver. */
  arguments?: readonly string[];
  /** Set for a whole cluster. If absent, nothing runs pods. */
  cluster?: {
    /** Command that runs etcd and the API server in the cluster's network. */
    enter: readonly string[];
    serviceRange: string;
    /** First address of the range. */
    serviceAddress: string;
  };
}

export interface ControlPlane {
  url: string;
  /** Path of a kubeconfig with an administrator's certificate. */
  kubeconfig: string;
  authority: CertificateAuthority;
  /** Path of the key that signs service account tokens. */
  serviceAccountKey: string;
  /** Kills a process like a crash. */
  kill(process: ControlPlaneProcess): Promise<void>;
  /** Starts a killed process with its port and its data, and waits until the API is ready. */
  revive(process: ControlPlaneProcess): Promise<void>;
  /** Ends both processes. Keeps the directory. */
  stop(): Promise<void>;
}

export type ControlPlaneProcess = 'etcd' | 'kube-apiserver';

interface Credentials {
  authority: CertificateAuthority;
  frontProxy: CertificateAuthority;
  serving: KeyPairFiles;
  admin: KeyPairFiles;
  kubeletClient: KeyPairFiles;
  proxyClient: KeyPairFiles;
  serviceAccount: KeyPairFiles;
}

const READY_TIMEOUT = 60_000;
/** Large enough for a thousand Services and more. */
const DEFAULT_SERVICE_RANGE = '10.0.0.0/16';

/**
 * Starts the real etcd and kube-apiserver, with RBAC and admission, for tests against a real API. Both end with this
 * process unless they belong to a whole cluster.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const binaries = await kubernetesBinaries();
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort());
  const [clientPort, peerPort] = options.etcdPorts ?? [await freePort(), await freePort()];
  mkdirSync(options.directory, { recursive: true });
  const credentials = await issueCredentials(options, address);
  const daemon = (name: string, args: readonly string[]): Daemon =>
    new Daemon({
      name,
      command: [...(options.cluster?.enter ?? []), join(binaries, name), ...args],
      directory: join(options.directory, 'logs'),
      outlives: options.cluster !== undefined,
    });
  const etcd = daemon('etcd', etcdArguments(options.directory, clientPort, peerPort));
  const apiserver = daemon(
    'kube-apiserver',
    apiserverArguments(options, credentials, { address, port, etcd: clientPort }),
  );
  const url = `https://${address}:${port}`;
  const processes = { etcd, 'kube-apiserver': apiserver };
  const ready = (): Promise<void> =>
    apiserver.ready(READY_TIMEOUT, () => isReady(url, credentials));
  await etcd.start();
  await apiserver.start();
  const stop = async (): Promise<void> => {
    await apiserver.stop('SIGKILL');
    await etcd.stop('SIGKILL');
  };
  try {
    await ready();
  } catch (error) {
    if (options.cluster === undefined) await stop();
    throw error;
  }
  const kubeconfig = await writeKubeconfig(join(options.directory, 'kubeconfig'), {
    name: 'breakwater',
    url,
    authority: credentials.authority.files.certificate,
    client: credentials.admin,
  });
  const { authority, serviceAccount } = credentials;
  return {
    url,
    kubeconfig,
    authority,
    serviceAccountKey: serviceAccount.key,
    kill: (name) => processes[name].stop('SIGKILL'),
    revive: async (name) => {
      await processes[name].start();
      await ready();
    },
    stop,
  };
}

function etcdArguments(directory: string, clientPort: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiserverArguments(
  options: ControlPlaneOptions,
  credentials: Credentials,
  ports: { address: string; port: number; etcd: number },
): string[] {
  const { cluster } = options;
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--bind-address=${ports.address}`,
    `--advertise-address=${ports.address}`,
    `--secure-port=${ports.port}`,
    `--tls-cert-file=${credentials.serving.certificate}`,
    `--tls-private-key-file=${credentials.serving.key}`,
    `--client-ca-file=${credentials.authority.files.certificate}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--service-cluster-ip-range=${cluster?.serviceRange ?? DEFAULT_SERVICE_RANGE}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${credentials.serviceAccount.certificate}`,
    `--service-account-signing-key-file=${credentials.serviceAccount.key}`,
    `--requestheader-client-ca-file=${credentials.frontProxy.files.certificate}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${credentials.proxyClient.certificate}`,
    `--proxy-client-key-file=${credentials.proxyClient.key}`,
    ...(cluster === undefined ? alone() : withNode(credentials)),
    ...(options.arguments ?? []),
  ];
}

/**
 * Without controllers no namespace gets its default service account. The API server makes no endpoint for a loopback
 * address.
 */
function alone(): string[] {
  return ['--disable-admission-plugins=ServiceAccount', '--endpoint-reconciler-type=none'];
}

/** The API server finds the node by address, because it would look up the name in DNS for logs and exec. */
function withNode(credentials: Credentials): string[] {
  return [
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-certificate-authority=${credentials.authority.files.certificate}`,
    `--kubelet-client-certificate=${credentials.kubeletClient.certificate}`,
    `--kubelet-client-key=${credentials.kubeletClient.key}`,
    '--enable-aggregator-routing=true',
  ];
}

async function issueCredentials(
  options: ControlPlaneOptions,
  address: string,
): Promise<Credentials> {
  const directory = join(options.directory, 'pki');
  const authority = await CertificateAuthority.open(directory, 'ca');
  const frontProxy = await CertificateAuthority.open(directory, 'front-proxy-ca');
  const inCluster = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const names = [
    ...['localhost', '127.0.0.1', address],
    ...[...inCluster, 'kubernetes.default.svc.cluster.local'],
    ...(options.cluster === undefined ? [] : [options.cluster.serviceAddress]),
  ];
  return {
    authority,
    frontProxy,
    serving: await authority.issue('apiserver', {
      commonName: 'kube-apiserver',
      names: [...new Set(names)],
    }),
    admin: await authority.issue('admin', {
      commonName: 'kubernetes-admin',
      organization: 'system:masters',
    }),
    kubeletClient: await authority.issue('apiserver-kubelet-client', {
      commonName: 'kube-apiserver-kubelet-client',
      organization: 'system:masters',
    }),
    proxyClient: await frontProxy.issue('front-proxy-client', { commonName: 'front-proxy-client' }),
    serviceAccount: await signingKeys(directory, 'service-account'),
  };
}

/** Asks /readyz. False if the connection is refused. */
function isReady(url: string, credentials: Credentials): Promise<boolean> {
  return new Promise((resolve) => {
    const question = request(
      `${url}/readyz`,
      {
        ca: readFileSync(credentials.authority.files.certificate),
        cert: readFileSync(credentials.admin.certificate),
        key: readFileSync(credentials.admin.key),
        agent: false,
        timeout: 5000,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    question.on('timeout', () => question.destroy());
    question.on('error', () => resolve(false));
    question.end();
  });
}
