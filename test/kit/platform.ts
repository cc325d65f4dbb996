import { fileURLToPath } from 'node:url';
import type { Cluster } from '../cluster/common/cluster.ts';
import { chooseCluster } from '../cluster/cluster.ts';
import type { Images } from '../cluster/common/cluster.ts';
import { step } from '../cluster/common/step.ts';
import { Kubectl } from './kubectl.ts';

export const OPERATOR_NAMESPACE = 'breakwater-system';
export const OPERATOR = 'breakwater-operator';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A cluster with this checkout's images and operator in it. */
export interface Platform {
  cluster: Cluster;
  kubectl: Kubectl;
  images: Images;
}

/** kubectl for a running cluster. */
export async function kubectlFor(cluster: Cluster, path = ''): Promise<Kubectl> {
  const directories = [...(await cluster.path()), path].filter((directory) => directory !== '');
  return new Kubectl({ KUBECONFIG: cluster.kubeconfig, PATH: directories.join(':') });
}

const CHART = 'charts/breakwater';

/** Arguments of helm that install the operator. */
export const HELM_ARGUMENTS = [
  'upgrade',
  '--install',
  'breakwater',
  CHART,
  '--namespace',
  OPERATOR_NAMESPACE,
  '--create-namespace',
] as const;

/** Lets agents run the simulator's image as their program. */
const PROGRAM_IMAGES = 'tenancy.programImages={localhost/breakwater/simulator}';

/** Installs or upgrades the CRDs and the operator from the chart and waits until it is ready. */
export async function installOperator(
  { kubectl, images }: Pick<Platform, 'kubectl' | 'images'>,
  options: {
    /** Path of another chart. */
    chart?: string;
    /** Further values such as `name=value`. */
    values?: readonly string[];
    /** Takes ownership of objects that already exist. */
    takeOwnership?: boolean;
  } = {},
): Promise<void> {
  const { chart = CHART, values = [], takeOwnership = false } = options;
  const args = [
    ...HELM_ARGUMENTS.map((argument) => (argument === CHART ? chart : argument)),
    ...values.flatMap((value) => ['--set', value]),
    ...['--set', `image.operator=${images.operator}`, '--set', `image.runtime=${images.runtime}`],
    ...(takeOwnership ? ['--take-ownership'] : []),
    ...['--wait', '--timeout', '2m'],
  ];
  await helm(kubectl, args);
}

/** Uninstalls the operator's release. CRDs, agents and policies stay. */
export function uninstallOperator({ kubectl }: Pick<Platform, 'kubectl'>): Promise<string> {
  return helm(kubectl, ['uninstall', 'breakwater', '--namespace', OPERATOR_NAMESPACE, '--wait']);
}

/**
 * Lines of the operator's logs about missing permissions. Refusals in namespaces that are being deleted have other messages
 * and are not included.
 */
export async function refusals(kubectl: Kubectl): Promise<string[]> {
  const log = await kubectl.run([
    ...['logs', '-n', OPERATOR_NAMESPACE, '--tail=-1', '--prefix'],
    ...['-l', 'app.kubernetes.io/name=breakwater-operator'],
  ]);
  if (!log.includes('Operator started')) throw new Error('the log of the operator is empty');
  return log.split('\n').filter((line) => /forbidden: User/.test(line));
}

/** Runs helm and returns its output. */
export async function helm(kubectl: Kubectl, args: readonly string[]): Promise<string> {
  const result = await kubectl.exec('helm', args, { cwd: ROOT });
  if (result.code === 0) return result.stdout;
  throw new Error(`helm ${args.join(' ')}: ${result.stderr.trim() || result.stdout.trim()}`);
}

/** Starts the cluster that CLUSTER names, builds the images and installs the operator. */
export async function preparePlatform(environment: NodeJS.ProcessEnv): Promise<Platform> {
  const cluster = await chooseCluster(environment);
  await cluster.up();
  const kubectl = await kubectlFor(cluster, environment.PATH);
  const images = await cluster.images();
  const platform = { cluster, kubectl, images };
  await step('Installing the CRDs and the operator from charts/breakwater', () =>
    installOperator(platform, { values: [PROGRAM_IMAGES] }),
  );
  return platform;
}
