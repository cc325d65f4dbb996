import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

/** TLS settings that identify this process and the server to each other. */
export interface TlsIdentity {
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Credentials {
  tls: TlsIdentity;
  /** Authorization, and the impersonation that a kubeconfig may ask for. */
  headers: Record<string, string>;
}

export interface ClusterConfig {
  /** The API server's URL, without a slash at its end. */
  server: string;
  /** Namespace of the pod, or of the kubeconfig's context. */
  namespace: string;
  /** Current credentials, re-read at most once a minute, or at once when `refresh` is true. */
  credentials(refresh?: boolean): Promise<Credentials>;
}

export interface ClusterConfigOptions {
  /** The process' environment: KUBERNETES_SERVICE_HOST and _PORT, KUBECONFIG, HOME. */
  env: Record<string, string | undefined>;
  /** A kubeconfig file that takes precedence over the environment. */
  kubeconfig?: string;
  /** A context of the kubeconfig other than its current one. */
  context?: string;
  /** Where the kubelet mounts the service account. */
  serviceAccountDir?: string;
  clock?: Clock;
}

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';
const REREAD_AFTER_MS = 60_000;

/**
 * Finds the cluster. In this order: options.kubeconfig, the ServiceAccount of the own pod, KUBECONFIG, ~/.kube/config.
 * @throws Error that says what to set, if none is usable
 */
export async function loadClusterConfig(options: ClusterConfigOptions): Promise<ClusterConfig> {
  const { env, kubeconfig } = options;
  if (kubeconfig === undefined && env['KUBERNETES_SERVICE_HOST']) return inCluster(options);
  const files =
    kubeconfig ?? env['KUBECONFIG'] ?? (env['HOME'] && join(env['HOME'], '.kube/config'));
  if (!files) {
    throw new Error(
      'No cluster is configured. Run in a pod, or set KUBECONFIG to the path of a kubeconfig file',
    );
  }
  return fromKubeconfig(files.split(delimiter).filter(Boolean), options);
}

async function inCluster(options: ClusterConfigOptions): Promise<ClusterConfig> {
  const { env, serviceAccountDir: dir = SERVICE_ACCOUNT_DIR, clock = systemClock } = options;
  const host = env['KUBERNETES_SERVICE_HOST']!;
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const credentials = remembered(clock, async () => {
    const [ca, token] = await Promise.all([readFrom(dir, 'ca.crt'), readFrom(dir, 'token')]);
    return { tls: { ca }, headers: { authorization: `Bearer ${token.trim()}` } };
  });
  await credentials();
  const namespace = (await readFrom(dir, 'namespace')).trim();
  const hostInUrl = host.includes(':') ? `[${host}]` : host;
  return { server: `https://${hostInUrl}:${port}`, namespace, credentials };
}

async function readFrom(dir: string, file: string): Promise<string> {
  try {
    return await readFile(join(dir, file), 'utf8');
  } catch (cause) {
    throw new Error(
      `Cannot read ${file} of the pod's ServiceAccount. Check that automountServiceAccountToken is not false`,
      { cause },
    );
  }
}

async function fromKubeconfig(
  files: string[],
  { context, clock = systemClock }: ClusterConfigOptions,
): Promise<ClusterConfig> {
  const config = await readKubeconfigs(files);
  const named = files.join(delimiter);
  if (context !== undefined) choose(config, context, named);
  const cluster = config.getCurrentCluster();
  if (!config.getCurrentContext()) {
    throw new Error(`${named} names no current context; choose one of its contexts`);
  }
  if (!cluster) {
    throw new Error(
      `The context "${config.getCurrentContext()}" of ${named} names an unknown cluster. Choose another context, or add the cluster`,
    );
  }
  if (cluster.proxyUrl) {
    throw new Error(
      `The cluster "${cluster.name}" of ${named} has a proxy-url, which Breakwater does not support. Remove it`,
    );
  }
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    credentials: remembered(clock, () => credentialsOf(config)),
  };
}

function choose(config: KubeConfig, context: string, named: string): void {
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new Error(`${named} has no context ${context}; it has: ${known.join(', ') || 'none'}`);
  }
  config.setCurrentContext(context);
}

/** Loads client-node only here, outside a cluster: it needs about 80 MB. */
async function readKubeconfigs(files: string[]): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const [first, ...rest] = files.map((file) => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        throw new Error(`There is no kubeconfig at ${file}; set KUBECONFIG to the path of one`, {
          cause,
        });
      }
      throw new Error(`Cannot use the kubeconfig ${file}: ${(cause as Error).message}`, { cause });
    }
    return config;
  });
  for (const config of rest) first!.mergeConfig(config, true);
  return first!;
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, passphrase, servername, rejectUnauthorized, auth, headers } =
    options as Record<string, unknown>;
  const tls: TlsIdentity = {
    ca: text(ca),
    cert: text(cert),
    key: text(key),
    passphrase: text(passphrase),
    servername: text(servername),
    rejectUnauthorized: rejectUnauthorized as boolean | undefined,
  };
  const basic = typeof auth === 'string' ? Buffer.from(auth).toString('base64') : undefined;
  return {
    tls,
    headers: {
      ...(headers as Record<string, string> | undefined),
      ...(basic && { authorization: `Basic ${basic}` }),
    },
  };
}

function text(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString();
  return typeof value === 'string' ? value : undefined;
}

/**
 * Reads at most once a minute, and once for concurrent callers. If a later read fails, the former credentials stay in
 * use, because they may still be valid.
 */
function remembered(
  clock: Clock,
  read: () => Promise<Credentials>,
): (refresh?: boolean) => Promise<Credentials> {
  let last: Credentials | undefined;
  let readAt = 0;
  let reading: Promise<Credentials> | undefined;
  const reread = async (): Promise<Credentials> => {
    try {
      last = await read();
    } catch (error) {
      if (!last) throw error;
    } finally {
      readAt = clock.monotonic();
      reading = undefined;
    }
    return last;
  };
  return async (refresh = false) => {
    const fresh = last !== undefined && clock.monotonic() - readAt < REREAD_AFTER_MS;
    if (fresh && !refresh) return last!;
    reading ??= reread();
    return reading;
  };
}
