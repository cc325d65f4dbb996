import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildOnce, cacheDirectory } from '../common/cache.ts';
import { run, succeeds, which } from '../common/command.ts';
import { step } from '../common/step.ts';

/** Version of Kubernetes. kube/go.mod pins the same one. */
export const KUBERNETES_VERSION = '1.34.4';

export interface Module {
  /** Title of the step that builds it. */
  title: string;
  /** Directory of its go.mod and go.sum. Their content is the key of the cache. */
  directory: string;
  /** Import paths of the main packages. Each binary has the name of its package unless `rename` gives another. */
  packages: readonly string[];
  rename?: Readonly<Record<string, string>>;
  ldflags?: string;
  /** Build tags. */
  tags?: string;
}

const [major, minor] = KUBERNETES_VERSION.split('.');
const COMPONENT_VERSION = 'k8s.io/component-base/version';
const LDFLAGS = '-s -w';
const DOWNLOAD_ATTEMPTS = 3;
/** Makes the Go compiler a quarter faster, with up to 3 GiB of memory per processor. */
const COLLECT_SELDOM = { GOGC: '400', GOMEMLIMIT: '3GiB' };

const KUBERNETES: Module = {
  title: `Building Kubernetes ${KUBERNETES_VERSION} from its Go module (first time only, about 5 minutes)`,
  directory: join(import.meta.dirname, 'kube'),
  packages: [
    ...[
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kubelet',
      'kube-proxy',
      'kubectl',
    ].map((command) => `k8s.io/kubernetes/cmd/${command}`),
    'go.etcd.io/etcd/server/v3',
  ],
  rename: { server: 'etcd' },
  ldflags: `-X ${COMPONENT_VERSION}.gitVersion=v${KUBERNETES_VERSION} -X ${COMPONENT_VERSION}.gitMajor=${major} -X ${COMPONENT_VERSION}.gitMinor=${minor}`,
};

const DNS: Module = {
  title: 'Building CoreDNS (first time only, about 1 minute)',
  directory: join(import.meta.dirname, 'dns'),
  packages: ['github.com/coredns/coredns'],
};

const HELM: Module = {
  title: 'Building Helm (first time only, about 1 minute)',
  directory: join(import.meta.dirname, 'helm'),
  packages: ['helm.sh/helm/v3/cmd/helm'],
};

const KWOK: Module = {
  title: 'Building kwok (first time only, about 1 minute)',
  directory: join(import.meta.dirname, 'kwok'),
  packages: ['sigs.k8s.io/kwok/cmd/kwok'],
};

const METRICS_SERVER: Module = {
  title: 'Building metrics-server (first time only, about 2 minutes)',
  directory: join(import.meta.dirname, 'metricsServer'),
  packages: ['sigs.k8s.io/metrics-server/cmd/metrics-server'],
};

const PROMTOOL: Module = {
  title: 'Building promtool (first time only, about 2 minutes)',
  directory: join(import.meta.dirname, 'promtool'),
  packages: ['github.com/prometheus/prometheus/cmd/promtool'],
  // Leaves out the clients of two dozen clouds.
  tags: 'remove_all_sd',
};

const PAUSE: Module = {
  title: 'Building the pause program',
  directory: join(import.meta.dirname, 'pause'),
  packages: ['.'],
};

/** Directory with kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl and etcd. */
export function kubernetesBinaries(): Promise<string> {
  return binaries(KUBERNETES);
}

export function dnsBinaries(): Promise<string> {
  return binaries(DNS);
}

export function helmBinaries(): Promise<string> {
  return binaries(HELM);
}

/** Directory with kwok, which simulates the kubelet for pods that need not run. */
export function kwokBinaries(): Promise<string> {
  return binaries(KWOK);
}

/** Directory with metrics-server, which tells autoscaling the use of CPU and memory. */
export function metricsServerBinaries(): Promise<string> {
  return binaries(METRICS_SERVER);
}

export function promtoolBinaries(): Promise<string> {
  return binaries(PROMTOOL);
}

/** Directory with pause, the first process of every pod. */
export function pauseBinary(): Promise<string> {
  return binaries(PAUSE);
}

/** Directory with kubectl: the one in the cache, otherwise the user's own, otherwise a new one. */
export async function kubectlDirectory(): Promise<string> {
  return toolDirectory('kubectl', KUBERNETES);
}

/** Directory with helm, chosen in the same way. */
export async function helmDirectory(): Promise<string> {
  return toolDirectory('helm', HELM);
}

async function toolDirectory(tool: string, module: Module): Promise<string> {
  const built = cachedDirectory(module);
  const found = which(tool);
  return existsSync(built) || found === undefined ? binaries(module) : dirname(found);
}

/** Whether the cache has all binaries, so that Go is not needed. */
export function binariesAreBuilt(): boolean {
  return [KUBERNETES, DNS, HELM, PAUSE].every((module) => existsSync(cachedDirectory(module)));
}

/** Builds all packages of a Go module unless the cache has them. One `go build` builds them in parallel. */
export async function binaries(module: Module): Promise<string> {
  const directory = cachedDirectory(module);
  if (existsSync(directory)) return directory;
  if (which('go') === undefined)
    throw new Error(
      'no Go: install Go 1.25 or newer (https://go.dev/dl) and put it on the PATH; it builds the cluster from source, once',
    );
  await step(module.title, () => buildOnce(directory, (partial) => build(module, partial)));
  return directory;
}

function cachedDirectory(module: Module): string {
  const hash = createHash('sha256');
  const sources = readdirSync(module.directory).filter((name) => /^go\.|\.go$/.test(name));
  for (const file of sources.sort()) hash.update(readFileSync(join(module.directory, file)));
  const tags = module.tags === undefined ? [] : [module.tags];
  hash.update(JSON.stringify([module.packages, module.ldflags, ...tags]));
  const name = `${basename(module.directory)}-${hash.digest('hex').slice(0, 12)}`;
  return join(cacheDirectory(), 'bin', name);
}

/** Downloads the modules. Tries again after a failure, because failures of the proxy are often short. */
async function download(
  { directory, packages, tags }: Module,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const args = ['list', ...(tags === undefined ? [] : ['-tags', tags]), '-deps', ...packages];
  for (let left = DOWNLOAD_ATTEMPTS - 1; left > 0; left--)
    if (await succeeds('go', args, { cwd: directory, env })) return;
  await run('go', args, { cwd: directory, env });
}

async function build(module: Module, output: string): Promise<void> {
  const ldflags = [LDFLAGS, module.ldflags].join(' ').trim();
  const env = {
    ...COLLECT_SELDOM,
    ...process.env,
    // Static binaries also run in images from scratch.
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=readonly',
  };
  const tags = module.tags === undefined ? [] : ['-tags', module.tags];
  const args = ['build', ...tags, '-trimpath', '-buildvcs=false', '-ldflags', ldflags];
  await download(module, env);
  await run('go', [...args, '-o', `${output}/`, ...module.packages], {
    cwd: module.directory,
    env,
  });
  for (const [from, to] of Object.entries(module.rename ?? {}))
    await rename(join(output, from), join(output, to));
}
