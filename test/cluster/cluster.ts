import { CurrentCluster } from './current/current.ts';
import { PROVIDERS, type Cluster } from './common/cluster.ts';
import { KindCluster, kindIsPossible } from './kind/kind.ts';
import { LocalCluster, localIsPossible } from './local/local.ts';

/** The cluster that CLUSTER names, otherwise kind if it can work, otherwise local. */
export async function chooseCluster(environment: NodeJS.ProcessEnv): Promise<Cluster> {
  const wanted = environment['CLUSTER'];
  if (wanted) return provider(wanted, environment);
  if (await kindIsPossible(environment)) return provider('kind', environment);
  const obstacle = localIsPossible();
  if (obstacle === undefined) return provider('local', environment);
  throw new Error(
    `no cluster is possible here.\n  CLUSTER=kind: needs a Docker engine that answers and kind's node image, pulled or within reach\n  CLUSTER=local: ${obstacle}\n  CLUSTER=current: uses the cluster of your kubectl context`,
  );
}

/** The clusters that exist, of all providers or of the one that CLUSTER names. */
export async function existingClusters(environment: NodeJS.ProcessEnv): Promise<Cluster[]> {
  const wanted = environment['CLUSTER'];
  if (wanted) return [provider(wanted, environment)];
  const own = [provider('local', environment), provider('kind', environment)];
  const there = await Promise.all(own.map((cluster) => cluster.exists()));
  return own.filter((_, index) => there[index]);
}

/** The only existing cluster, otherwise the one that `up` would choose. */
export async function existingCluster(environment: NodeJS.ProcessEnv): Promise<Cluster> {
  const clusters = await existingClusters(environment);
  return clusters.length === 1 ? clusters[0]! : chooseCluster(environment);
}

export function provider(name: string, environment: NodeJS.ProcessEnv): Cluster {
  switch (name) {
    case 'local':
      return new LocalCluster(environment);
    case 'kind':
      return new KindCluster(environment);
    case 'current':
      return new CurrentCluster(environment);
    default:
      throw new Error(`CLUSTER=${name} is not known: use one of ${PROVIDERS.join(', ')}`);
  }
}
