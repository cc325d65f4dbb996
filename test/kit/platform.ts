import { fileURLToPath } from 'node:url';
import type { Cluster } from '../cluster/cluster.ts';
import { chooseCluster } from '../cluster/cluster.ts';
import type { Images } from '../cluster/image/images.ts';
import { step } from '../cluster/step.ts';
import { Kubectl } from './kubectl.ts';

/** Where the operator is installed. */
export const OPERATOR_NAMESPACE = 'breakwater-system';
export const OPERATOR = 'breakwater-operator';

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A cluster with this checkout's images and operator in it. */
export interface Platform {
  cluster: Cluster;
  kubectl: Kubectl;
  images: Images;
}

/** kubectl for a cluster that is up. */
export async function kubectlFor(cluster: Cluster, path = ''): Promise<Kubectl> {
  const directories = [...(await cluster.path()), path].filter((directory) => directory !== '');
  return new Kubectl({ KUBECONFIG: cluster.kubeconfig, PATH: directories.join(':') });
}

/** helm's arguments that install the operator, without the images' long names. */
export const HELM_ARGUMENTS = [
  'upgrade',
  '--install',
  'breakwater',
  'charts/breakwater',
  '--namespace',
  OPERATOR_NAMESPACE,
  '--create-namespace',
] as const;

/** Installs or upgrades the CRDs and the operator from the chart and waits until it is ready. */
export async function installOperator({ kubectl, images }: Platform): Promise<void> {
  const args = [
    ...HELM_ARGUMENTS,
    ...['--set', `image.operator=${images.operator}`, '--set', `image.runtime=${images.runtime}`],
    ...['--wait', '--timeout', '2m'],
  ];
  const result = await kubectl.exec('helm', args, { cwd: ROOT });
  if (result.code !== 0) throw new Error(`helm ${args.join(' ')}: ${result.stderr.trim()}`);
}

/** Brings up the cluster that CLUSTER names, builds the images and installs the operator. */
export async function preparePlatform(environment: NodeJS.ProcessEnv): Promise<Platform> {
  const cluster = await chooseCluster(environment);
  await cluster.up();
  const kubectl = await kubectlFor(cluster, environment.PATH);
  const images = await cluster.images();
  const platform = { cluster, kubectl, images };
  await step('Installing the CRDs and the operator from charts/breakwater', () =>
    installOperator(platform),
  );
  return platform;
}
